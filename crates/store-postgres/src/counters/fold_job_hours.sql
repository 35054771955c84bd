-- Melts the rows of each client and hour into one, where the hour is over ($3 is the present one) or they are more than $1.
-- No further back than $2: only rows of those who write late come to hours that are long over.
WITH melted AS (
    DELETE FROM job_hours
    WHERE (hour, client) IN (
        SELECT hour, client
        FROM job_hours
        WHERE hour >= $2
        GROUP BY hour, client
        HAVING count(*) > CASE WHEN hour < $3 THEN 1 ELSE $1::bigint END
    )
    RETURNING *
)
INSERT INTO job_hours (hour, client, submitted, bytes_in, succeeded, failed, cancelled, worked_on, waited_ms, worked_ms,
                       faces, plates)
SELECT hour, client, sum(submitted), sum(bytes_in), sum(succeeded), sum(failed), sum(cancelled), sum(worked_on),
       sum(waited_ms), sum(worked_ms), sum(faces), sum(plates)
FROM melted
GROUP BY hour, client;
