UPDATE attempts
SET response = NULL
WHERE id IN (SELECT id FROM attempts WHERE response IS NOT NULL AND started_at < ?1 LIMIT ?2);
