-- What only its client changes; what attempts change is written with every attempt, and smaller.
UPDATE endpoints
SET description = $2, ack = $3, keep_responses = $4, token = $5, old_token = $6, old_token_until = $7,
    signing_secret = $8, old_secret = $9, old_secret_until = $10
WHERE id = $1 AND deleted_at IS NULL;
