INSERT INTO attempts (delivery, started_at, id, number, duration_ms, outcome, ours, status, response, retry_after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
