-- Without a refresh token nothing can come of a login any more; its access tokens have expired long before.
DELETE FROM logins
WHERE id IN (
    SELECT id FROM logins
    WHERE created_at < $1
      AND (revoked_at < $1
           OR NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE refresh_tokens.login = logins.id))
    LIMIT $2
);
