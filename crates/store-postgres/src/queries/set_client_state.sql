UPDATE clients
SET state = $2
WHERE key = $1;
