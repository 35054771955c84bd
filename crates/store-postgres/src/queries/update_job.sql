-- Guarded by the number of claims and the state that were read in the same transaction: a pair assertion, which the
-- caller checks by the number of rows.
UPDATE jobs
SET attempts = $4, claims = $5, started_at = $6, state = $7, available_at = $8, worker = $9, lease_expires_at = $10,
    progress = $11, finished_at = $12, error = $13, expired_at = $14, result = $15, result_format = $16,
    result_bytes = $17, result_sha256 = $18, document_bytes = $19, document_sha256 = $20, faces = $21, plates = $22,
    warnings = $23, expected_end_at = $24
WHERE id = $1 AND claims = $2 AND state = $3;
