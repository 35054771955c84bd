-- The first revocation stands: when it ended is history.
UPDATE logins
SET revoked_at = $2
WHERE id = $1 AND revoked_at IS NULL;
