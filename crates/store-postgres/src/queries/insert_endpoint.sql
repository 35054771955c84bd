INSERT INTO endpoints (id, client, url, description, ack, keep_responses, token, old_token, old_token_until, signing_secret,
       old_secret, old_secret_until, state, held_since, held_reason, next_probe_at, consecutive_failures, failing_since,
       last_success_at, paused_until, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22);
