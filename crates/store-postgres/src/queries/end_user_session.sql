DELETE FROM user_sessions
WHERE id = $1 AND "user" = $2;
