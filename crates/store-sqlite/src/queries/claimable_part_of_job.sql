SELECT parts.job, parts.number, parts.claims
FROM parts JOIN jobs ON jobs.id = parts.job
WHERE parts.job = ?3 AND jobs.state = 'running' AND (parts.worker IS NULL OR parts.lease_expires_at <= ?1)
  AND parts.left_to_owner = 0 AND parts.claims < ?2
ORDER BY parts.number
LIMIT 1;
