-- What another one is claiming is left to it.
SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries
WHERE endpoint = $1 AND head AND state = 'pending'
ORDER BY created_at, id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;
