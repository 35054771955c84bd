-- It is the head at once where nothing of this job is open at this endpoint.
INSERT INTO deliveries (id, event, client, job, endpoint, sequence, head, attempts, failures, claims, created_at, opened_at,
                        state, not_before)
VALUES (?1, ?2, ?3, ?4, ?5, ?6,
        NOT EXISTS (SELECT 1 FROM deliveries WHERE job = ?4 AND endpoint = ?5 AND closed_at IS NULL),
        0, 0, 0, ?7, ?7, 'pending', ?7);
