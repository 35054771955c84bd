SELECT logins.id, refresh_tokens.login, refresh_tokens.expires_at, refresh_tokens.rotated_at IS NOT NULL AS rotated, logins.client,
       logins.revoked_at IS NOT NULL AS revoked, clients.state
FROM refresh_tokens
JOIN logins ON logins.id = refresh_tokens.login
JOIN clients ON clients.id = logins.client
WHERE refresh_tokens.hash = $1;
