SELECT events.position, deliveries.id
FROM deliveries JOIN events ON events.id = deliveries.event
WHERE deliveries.job = $2 AND deliveries.endpoint = $1 AND events.position < $3
  AND ($4::text IS NULL OR deliveries.state = $4) AND ($5::bigint IS NULL OR events.at >= $5)
ORDER BY events.position DESC
LIMIT $6;
