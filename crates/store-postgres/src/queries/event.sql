SELECT id, client, job, sequence, status, at
FROM events
WHERE id = $1;
