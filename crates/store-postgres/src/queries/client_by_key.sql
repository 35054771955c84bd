SELECT id, key, name, state, created_at, secret, previous_secret, previous_until
FROM clients
WHERE key = $1;
