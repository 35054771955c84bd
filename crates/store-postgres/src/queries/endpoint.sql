SELECT id, client, url, description, ack, keep_responses, token, old_token, old_token_until, signing_secret, old_secret,
       old_secret_until, state, held_since, held_reason, next_probe_at, consecutive_failures, failing_since,
       last_success_at, paused_until, warned, recovering_since, overflowed, created_at, updated_at
FROM endpoints
WHERE id = $1 AND client = $2 AND deleted_at IS NULL;
