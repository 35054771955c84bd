-- What has been failing, and what waits untried behind it at the same endpoint.
SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries
WHERE job = $1 AND closed_at IS NULL AND state = 'pending'
  AND endpoint IN (SELECT endpoint FROM deliveries
                   WHERE job = $1 AND closed_at IS NULL AND head AND state = 'pending' AND attempts > 0)
ORDER BY sequence;
