-- Where each event stands at the endpoint, in the order of commits.
SELECT events.position, events.id, events.client, events.job, events.sequence, events.status, events.at,
       deliveries.id AS delivery, deliveries.state
FROM events LEFT JOIN deliveries
     ON deliveries.job = events.job AND deliveries.endpoint = $2 AND deliveries.sequence = events.sequence
WHERE events.client = $1 AND events.position > $3 AND events.position <= $4
ORDER BY events.position
LIMIT $5;
