SELECT id, client, url, token, signing_secret, state, held_since, held_reason, next_probe_at, consecutive_failures,
       failing_since, last_success_at, paused_until, warned, recovering_since, overflowed, created_at, updated_at
FROM endpoints
WHERE client = ?1 AND deleted_at IS NULL
ORDER BY created_at, id;
