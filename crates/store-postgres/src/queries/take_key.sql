-- Changes no row where the key stands for a request: one that was made after $6.
INSERT INTO idempotency_keys (client, key, request, job, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client, key) DO UPDATE
SET request = excluded.request, job = excluded.job, created_at = excluded.created_at
WHERE idempotency_keys.created_at <= $6;
