INSERT INTO setup_links (token, "user", expires_at)
VALUES ($1, $2, $3);
