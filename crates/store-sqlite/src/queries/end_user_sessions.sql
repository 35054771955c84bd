-- Without a session to keep, ?2 is NULL, which IS NOT any.
DELETE FROM user_sessions
WHERE user = ?1 AND id IS NOT ?2;
