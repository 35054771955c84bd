INSERT INTO refresh_tokens (hash, login, expires_at)
VALUES ($1, $2, $3);
