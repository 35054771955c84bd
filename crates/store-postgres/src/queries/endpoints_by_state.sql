-- Of all clients together it reads the whole table: there are as many endpoints as clients have set up, which is few.
SELECT count(*) FILTER (WHERE state = 'active' AND failing_since IS NULL) AS active,
       count(*) FILTER (WHERE state = 'active' AND failing_since IS NOT NULL) AS failing,
       count(*) FILTER (WHERE state = 'held') AS held,
       count(*) FILTER (WHERE state = 'disabled') AS disabled
FROM endpoints
WHERE deleted_at IS NULL AND ($1::uuid IS NULL OR client = $1);
