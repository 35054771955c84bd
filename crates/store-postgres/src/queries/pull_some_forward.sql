-- Only a head can wait for a later time: what stands behind it has never been tried. What was tried after the endpoint came
-- back is refused for its own sake and keeps its schedule. What another one is changing is left to it.
UPDATE deliveries
SET not_before = $2
WHERE id IN (SELECT waiting.id FROM deliveries AS waiting
             WHERE waiting.endpoint = $1 AND waiting.head AND waiting.state = 'pending' AND waiting.not_before > $2
               AND (waiting.tried_at IS NULL OR waiting.tried_at < $3)
             ORDER BY waiting.not_before, waiting.id
             LIMIT $4
             FOR NO KEY UPDATE SKIP LOCKED);
