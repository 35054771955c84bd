SELECT id, event, client, job, endpoint, attempts, claims, created_at, state, not_before, worker, lease_expires_at,
       closed_at
FROM deliveries
WHERE id = ?1;
