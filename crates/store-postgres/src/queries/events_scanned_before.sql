-- How far back one page may look: a filter that fits little must not read all of a long history at once.
SELECT position
FROM events
WHERE client = $1 AND position < $2
ORDER BY position DESC
LIMIT 1 OFFSET $3;
