SELECT id, upload
FROM jobs
WHERE upload_deleted = 0 AND finished_at IS NOT NULL AND finished_at < ?1
ORDER BY finished_at
LIMIT ?2;
