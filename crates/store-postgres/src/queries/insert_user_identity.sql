INSERT INTO user_identities (issuer, subject, "user", created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;
