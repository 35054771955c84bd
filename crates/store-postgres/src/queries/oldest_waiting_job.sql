SELECT id, created_at
FROM jobs
WHERE state = 'queued'
ORDER BY id
LIMIT 1;
