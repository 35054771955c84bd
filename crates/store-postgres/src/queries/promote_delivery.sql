-- The first open one of a job and endpoint becomes the head, unless the head is on its way.
UPDATE deliveries
SET head = true
WHERE id = (SELECT id FROM deliveries WHERE job = $1 AND endpoint = $2 AND closed_at IS NULL ORDER BY sequence LIMIT 1)
  AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job = $1 AND endpoint = $2 AND head);
