SELECT deliveries.id
FROM deliveries
WHERE deliveries.job = $1 AND deliveries.client = $2
ORDER BY deliveries.sequence, deliveries.endpoint;
