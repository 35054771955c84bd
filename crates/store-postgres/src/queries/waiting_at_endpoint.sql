-- Counted up to a limit: more than that is all the same.
SELECT count(*)
FROM (SELECT 1 FROM deliveries WHERE endpoint = $1 AND head AND state = 'pending' LIMIT $2) AS waiting;
