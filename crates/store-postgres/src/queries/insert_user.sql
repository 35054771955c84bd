INSERT INTO users (id, name, client, role, state, password, created_at, last_sign_in_at, password_changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (name) DO NOTHING;
