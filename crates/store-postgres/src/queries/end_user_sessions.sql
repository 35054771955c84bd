-- Without a session to keep, $2 is NULL, from which every one is distinct.
DELETE FROM user_sessions
WHERE "user" = $1 AND id IS DISTINCT FROM $2;
