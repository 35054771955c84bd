UPDATE endpoints
SET url = $2, state = $3, held_since = $4, held_reason = $5, next_probe_at = $6, consecutive_failures = $7,
    failing_since = $8, last_success_at = $9, paused_until = $10, updated_at = $11, warned = $12, recovering_since = $13,
    overflowed = $14
WHERE id = $1 AND deleted_at IS NULL;
