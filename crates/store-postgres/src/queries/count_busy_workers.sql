SELECT count(DISTINCT worker)
FROM jobs
WHERE state = 'running' AND ($1::uuid IS NULL OR client = $1);
