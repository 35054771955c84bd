-- After a delivery was closed the next open one of its job and endpoint becomes the head.
UPDATE deliveries
SET head = 1
WHERE id = (SELECT id FROM deliveries WHERE job = ?1 AND endpoint = ?2 AND closed_at IS NULL ORDER BY sequence LIMIT 1);
