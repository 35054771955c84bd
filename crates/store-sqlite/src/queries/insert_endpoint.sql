INSERT INTO endpoints (id, client, url, token, signing_secret, state, held_since, held_reason, next_probe_at, consecutive_failures,
       failing_since, last_success_at, paused_until, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15);
