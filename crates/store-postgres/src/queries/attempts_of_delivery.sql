SELECT id, number, started_at, duration_ms, outcome, ours, status, response, retry_after
FROM attempts
WHERE delivery = $1
ORDER BY started_at, id;
