-- What another one is taking is left to it.
SELECT parts.job, parts.number, parts.claims
FROM parts JOIN jobs ON jobs.id = parts.job
WHERE parts.job = $3 AND jobs.state = 'running' AND (parts.worker IS NULL OR parts.lease_expires_at <= $1)
  AND NOT parts.left_to_owner AND parts.claims < $2
ORDER BY parts.number
LIMIT 1
FOR UPDATE OF parts SKIP LOCKED;
