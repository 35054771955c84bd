SELECT id, client, state, upload_format, created_at
FROM jobs
WHERE id = ?1;
