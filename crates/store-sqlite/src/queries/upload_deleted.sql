UPDATE jobs
SET upload_deleted = 1
WHERE id = ?1 AND finished_at IS NOT NULL;
