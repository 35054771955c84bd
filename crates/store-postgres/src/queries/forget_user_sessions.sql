DELETE FROM user_sessions
WHERE id IN (SELECT id FROM user_sessions WHERE expires_at < $1 LIMIT $2);
