UPDATE deliveries
SET state = 'dropped', head = 0, not_before = NULL, worker = NULL, lease_expires_at = NULL, closed_at = ?2
WHERE endpoint = ?1 AND closed_at IS NULL;
