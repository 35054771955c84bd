DELETE FROM setup_links
WHERE token IN (SELECT token FROM setup_links WHERE expires_at < $1 LIMIT $2);
