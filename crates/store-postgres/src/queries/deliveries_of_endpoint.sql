-- By way of the client's events, whose index is in the order of commits; an index for it over all deliveries would be
-- written with each of them.
SELECT events.position, deliveries.id
FROM events JOIN deliveries
     ON deliveries.job = events.job AND deliveries.endpoint = $2 AND deliveries.sequence = events.sequence
WHERE events.client = $1 AND events.position < $3 AND events.position >= $4
  AND ($5::text IS NULL OR deliveries.state = $5) AND ($6::bigint IS NULL OR events.at >= $6)
ORDER BY events.position DESC
LIMIT $7;
