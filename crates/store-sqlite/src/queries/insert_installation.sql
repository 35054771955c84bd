INSERT INTO installation (one, id, key_check)
VALUES (1, ?1, ?2)
ON CONFLICT DO NOTHING;
