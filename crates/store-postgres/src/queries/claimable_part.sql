-- What another one is taking is left to it.
-- There are rows only while long videos are worked on.
SELECT parts.job, parts.number, parts.claims
FROM parts JOIN jobs ON jobs.id = parts.job
WHERE jobs.state = 'running' AND (parts.worker IS NULL OR parts.lease_expires_at <= $1)
  AND NOT parts.left_to_owner AND parts.claims < $2
ORDER BY jobs.created_at, jobs.id, parts.number
LIMIT 1
FOR UPDATE OF parts SKIP LOCKED;
