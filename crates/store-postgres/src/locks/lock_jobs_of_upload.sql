-- All jobs on these originals: a revision must not be born of one that is being retired.
SELECT id
FROM jobs
WHERE upload = ANY($1)
ORDER BY id
FOR NO KEY UPDATE;
