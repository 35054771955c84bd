UPDATE jobs
SET result_deleted = true
WHERE id = $1 AND state = 'expired';
