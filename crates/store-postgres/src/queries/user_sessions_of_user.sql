SELECT id, token, "user", created_at, last_seen_at, expires_at, user_agent, address
FROM user_sessions
WHERE "user" = $1
ORDER BY last_seen_at DESC, id DESC;
