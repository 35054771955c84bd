SELECT id, result
FROM jobs
WHERE state = 'expired' AND NOT result_deleted
ORDER BY expired_at
LIMIT $1;
