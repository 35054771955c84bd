UPDATE attempts
SET response = NULL
WHERE response IS NOT NULL AND started_at < ?1;
