SELECT id, client, url, description, ack, keep_responses, token, old_token, old_token_until, signing_secret, old_secret,
       old_secret_until, state, held_since, held_reason, next_probe_at, consecutive_failures, failing_since,
       last_success_at, paused_until, warned, recovering_since, overflowed, created_at, updated_at
FROM endpoints
WHERE deleted_at IS NULL AND (state = 'held' OR failing_since IS NOT NULL)
  AND state <> 'disabled' AND ($1::uuid IS NULL OR client = $1)
ORDER BY failing_since NULLS FIRST
LIMIT $2;
