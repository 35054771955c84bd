-- Guarded by the number of claims and the state that were read in the same transaction.
UPDATE deliveries
SET attempts = $4, claims = $5, state = $6, not_before = $7, worker = $8, lease_expires_at = $9, closed_at = $10,
    failures = $11, opened_at = $12, urgent = $13, tried_at = coalesce($14, tried_at), head = head AND $10::bigint IS NULL
WHERE id = $1 AND claims = $2 AND state = $3;
