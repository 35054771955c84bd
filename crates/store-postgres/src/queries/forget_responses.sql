UPDATE attempts
SET response = NULL
WHERE (delivery, started_at, id) IN (SELECT delivery, started_at, id FROM attempts
                                     WHERE response IS NOT NULL AND started_at < $1
                                     ORDER BY started_at
                                     LIMIT $2);
