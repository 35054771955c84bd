SELECT EXISTS (SELECT 1 FROM jobs WHERE upload = $1 AND finished_at IS NULL);
