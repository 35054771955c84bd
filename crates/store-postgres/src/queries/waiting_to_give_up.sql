-- The oldest intermediate ones first, then the oldest terminal ones.
SELECT waiting.id, waiting.event, waiting.client, waiting.job, waiting.endpoint, waiting.sequence, waiting.status,
       waiting.attempts, waiting.failures, waiting.claims, waiting.created_at, waiting.opened_at, waiting.urgent,
       waiting.state, waiting.not_before, waiting.worker, waiting.lease_expires_at, waiting.closed_at
FROM deliveries AS heads
JOIN deliveries AS waiting ON waiting.job = heads.job AND waiting.endpoint = heads.endpoint
WHERE heads.endpoint = $1 AND heads.head AND waiting.state = 'pending'
ORDER BY waiting.status IN ('Succeeded', 'Failed'), waiting.created_at, waiting.id
LIMIT $2;
