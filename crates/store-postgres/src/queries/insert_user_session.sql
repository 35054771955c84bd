INSERT INTO user_sessions (id, token, "user", created_at, last_seen_at, expires_at, user_agent, address)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
