SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries
WHERE job = $1 AND endpoint = $2 AND closed_at IS NULL AND state = 'pending'
  AND sequence < (SELECT min(sequence) FROM events WHERE job = $1 AND status IN ('Succeeded', 'Failed'))
ORDER BY sequence;
