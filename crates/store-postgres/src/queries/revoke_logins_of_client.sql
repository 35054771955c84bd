UPDATE logins
SET revoked_at = $2
WHERE client = (SELECT id FROM clients WHERE key = $1) AND revoked_at IS NULL;
