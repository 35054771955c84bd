-- The age is in the index; one that was opened again waits its time from then on.
SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries
WHERE endpoint IN (SELECT id FROM endpoints WHERE state <> 'active' AND deleted_at IS NULL)
  AND head AND state = 'pending' AND created_at < $1 AND opened_at < $1
ORDER BY created_at
LIMIT $2;
