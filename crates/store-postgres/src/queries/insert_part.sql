-- What is under way stays so.
INSERT INTO parts (job, number, claims, left_to_owner) VALUES ($1, $2, 0, false)
ON CONFLICT (job, number) DO NOTHING;
