-- The caller knows whether it is the head: whether nothing of this job is open at this endpoint.
INSERT INTO deliveries (id, event, client, job, endpoint, sequence, status, head, attempts, failures, claims, created_at,
                        opened_at, state, not_before, worker, lease_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10, $10, $11, $12, $13, $14);
