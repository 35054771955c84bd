SELECT logins.id, logins.client, clients.state, logins.revoked_at IS NOT NULL AS revoked
FROM logins JOIN clients ON clients.id = logins.client
WHERE logins.id = $1;
