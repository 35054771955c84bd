SELECT EXISTS (SELECT 1 FROM jobs WHERE upload = ?1 AND upload_deleted = 0);
