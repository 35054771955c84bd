SELECT number, claims FROM parts
WHERE job = ?1 AND (worker IS NULL OR lease_expires_at <= ?2)
ORDER BY number
LIMIT 1;
