SELECT users.id, name, client, role, state, password, users.created_at, last_sign_in_at, password_changed_at
FROM user_identities
JOIN users ON users.id = user_identities."user"
WHERE issuer = $1 AND subject = $2;
