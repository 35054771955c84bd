-- Every chain with something open has a head, and the heads of an endpoint are in an index.
SELECT count(*)
FROM deliveries AS heads
JOIN deliveries AS waiting ON waiting.job = heads.job AND waiting.endpoint = heads.endpoint
WHERE heads.endpoint = $1 AND heads.head AND waiting.state = 'pending';
