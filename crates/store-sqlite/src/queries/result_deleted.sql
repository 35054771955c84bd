UPDATE jobs
SET result_deleted = 1
WHERE id = ?1 AND state = 'expired';
