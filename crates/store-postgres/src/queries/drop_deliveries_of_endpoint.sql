-- Every chain with something open has a head, and the heads of an endpoint are in an index.
UPDATE deliveries
SET state = 'dropped', head = false, urgent = false, not_before = NULL, worker = NULL, lease_expires_at = NULL, closed_at = $2
WHERE endpoint = $1 AND closed_at IS NULL
  AND job IN (SELECT heads.job FROM deliveries AS heads WHERE heads.endpoint = $1 AND heads.head);
