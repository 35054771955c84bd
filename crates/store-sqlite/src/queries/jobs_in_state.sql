SELECT id
FROM jobs
WHERE state = ?3 AND id < ?1 AND id >= ?2
ORDER BY id DESC;
