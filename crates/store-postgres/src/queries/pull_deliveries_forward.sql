-- Only a head can wait for a later time: what stands behind it has never been tried.
UPDATE deliveries
SET not_before = $2
WHERE endpoint = $1 AND head AND state = 'pending' AND not_before > $2;
