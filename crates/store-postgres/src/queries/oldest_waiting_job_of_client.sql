SELECT id, created_at
FROM jobs
WHERE client = $1 AND state = 'queued'
ORDER BY id
LIMIT 1;
