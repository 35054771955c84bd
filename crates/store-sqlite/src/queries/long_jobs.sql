SELECT id
FROM jobs
WHERE long = 1 AND id < ?1 AND id >= ?2
ORDER BY id DESC;
