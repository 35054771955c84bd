SELECT id, event, client, job, endpoint, attempts, claims, created_at, state, not_before, worker, lease_expires_at,
       closed_at
FROM deliveries
WHERE endpoint = ?1 AND head = 1 AND state = 'pending' AND not_before <= ?2
ORDER BY not_before, id
LIMIT ?3;
