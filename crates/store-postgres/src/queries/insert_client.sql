INSERT INTO clients (id, key, name, state, created_at, secret, previous_secret, previous_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
