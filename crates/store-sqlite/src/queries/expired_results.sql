SELECT id, result
FROM jobs
WHERE state = 'expired' AND result_deleted = 0
ORDER BY expired_at
LIMIT ?1;
