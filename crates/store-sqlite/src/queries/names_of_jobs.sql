-- Named, because the index of the key alone would do too, and then every job is read for its name.
SELECT id, client, file_name
FROM jobs INDEXED BY jobs_by_name
WHERE id < ?1 AND id >= ?2
ORDER BY id DESC;
