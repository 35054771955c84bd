SELECT id, token, "user", created_at, last_seen_at, expires_at, user_agent, address
FROM user_sessions
WHERE token = $1;
