UPDATE jobs
SET upload_deleted = true
WHERE upload = (SELECT upload FROM jobs WHERE id = $1) AND upload_retired;
