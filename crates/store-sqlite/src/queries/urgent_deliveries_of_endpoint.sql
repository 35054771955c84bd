-- Named, because the index of all that is due would be read to its end: nothing in it is urgent as a rule.
SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries INDEXED BY deliveries_urgent
WHERE endpoint = ?1 AND urgent = 1 AND head = 1 AND state = 'pending' AND not_before <= ?2
ORDER BY not_before, id
LIMIT ?3;
