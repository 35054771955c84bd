-- Keeps endpoints from being deleted, by whoever opens deliveries to them again: the lock that the foreign key of a new
-- delivery takes, too. Does not keep anybody from changing them.
SELECT id
FROM endpoints
WHERE id = ANY($1)
ORDER BY id
FOR KEY SHARE;
