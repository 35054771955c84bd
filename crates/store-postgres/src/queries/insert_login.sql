INSERT INTO logins (id, client, created_at, revoked_at)
VALUES ($1, $2, $3, $4);
