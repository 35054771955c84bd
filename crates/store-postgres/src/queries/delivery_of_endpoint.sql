SELECT id
FROM deliveries
WHERE id = $1 AND endpoint = $2 AND client = $3;
