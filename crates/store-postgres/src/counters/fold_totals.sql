-- Melts the rows of each client that has more than $1 of them into one. The caller is the only one to do so
-- (`locks/try_folding.sql`).
WITH melted AS (
    DELETE FROM client_totals
    WHERE client IN (SELECT client FROM client_totals GROUP BY client HAVING count(*) > $1)
    RETURNING *
)
INSERT INTO client_totals (client, queued, running, succeeded, failed, cancelled, expired, original_bytes, result_bytes,
                           faces, plates)
SELECT client, sum(queued), sum(running), sum(succeeded), sum(failed), sum(cancelled), sum(expired), sum(original_bytes),
       sum(result_bytes), sum(faces), sum(plates)
FROM melted
GROUP BY client;
