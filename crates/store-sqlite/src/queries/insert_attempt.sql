INSERT INTO attempts (id, delivery, number, started_at, duration_ms, outcome, status, response, retry_after)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);
