-- Without a refresh token nothing can come of a login any more; its access tokens have expired long before.
DELETE FROM logins
WHERE (revoked_at IS NOT NULL AND revoked_at < ?1)
   OR (created_at < ?1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE refresh_tokens.login = logins.id));
