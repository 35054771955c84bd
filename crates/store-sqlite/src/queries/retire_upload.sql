UPDATE jobs
SET upload_retired = 1
WHERE upload = ?1 AND upload_retired = 0;
