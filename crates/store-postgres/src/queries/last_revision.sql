SELECT coalesce(revision, 0) AS revision
FROM jobs
WHERE upload = $1
ORDER BY coalesce(revision, 0) DESC
LIMIT 1;
