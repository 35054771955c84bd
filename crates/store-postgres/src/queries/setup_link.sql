SELECT token, "user", expires_at
FROM setup_links
WHERE token = $1 AND expires_at > $2;
