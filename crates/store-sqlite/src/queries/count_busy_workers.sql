SELECT count(DISTINCT worker)
FROM jobs
WHERE state = 'running' AND (?1 IS NULL OR client = ?1);
