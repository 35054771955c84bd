SELECT id, name, client, role, state, password, created_at, last_sign_in_at, password_changed_at
FROM users
WHERE id = $1;
