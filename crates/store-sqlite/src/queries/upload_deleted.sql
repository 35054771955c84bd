UPDATE jobs
SET upload_deleted = 1
WHERE upload = (SELECT upload FROM jobs WHERE id = ?1) AND upload_retired = 1;
