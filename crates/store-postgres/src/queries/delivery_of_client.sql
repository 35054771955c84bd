-- What went to an endpoint that has been deleted cannot be sent again.
SELECT id, event, client, job, endpoint, sequence, status, attempts, failures, claims, created_at, opened_at, urgent,
       state, not_before, worker, lease_expires_at, closed_at
FROM deliveries
WHERE id = $1 AND client = $2
  AND EXISTS (SELECT 1 FROM endpoints WHERE endpoints.id = deliveries.endpoint AND endpoints.deleted_at IS NULL);
