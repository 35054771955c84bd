SELECT position, id, client, job, sequence, status, at
FROM events
WHERE client = $1 AND position > $2
ORDER BY position
LIMIT $3;
