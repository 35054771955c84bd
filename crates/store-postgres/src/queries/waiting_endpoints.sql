-- One look into each index for each endpoint: a join would read every waiting delivery. Whatever waits at a held endpoint
-- is due when its probe is, whatever the schedule says; what a person asked for is due whatever the endpoint's pause says.
-- Materialized, so that the subqueries are run once however often they are named.
WITH waiting AS MATERIALIZED (
    SELECT endpoints.id, endpoints.state, endpoints.next_probe_at, endpoints.paused_until,
           endpoints.consecutive_failures,
           (SELECT min(due.not_before) FROM deliveries AS due
            WHERE due.endpoint = endpoints.id AND due.head AND due.state = 'pending') AS oldest,
           (SELECT min(due.not_before) FROM deliveries AS due
            WHERE due.endpoint = endpoints.id AND due.urgent AND due.head AND due.state = 'pending') AS urgent
    FROM endpoints
    WHERE endpoints.deleted_at IS NULL AND endpoints.state IN ('active', 'held')
)
SELECT id, consecutive_failures, state = 'held' AS held, urgent IS NOT NULL AS urgent,
       coalesce(urgent, CASE state WHEN 'held' THEN next_probe_at
                                   ELSE greatest(oldest, coalesce(paused_until, oldest)) END) AS due
FROM waiting
WHERE oldest IS NOT NULL
ORDER BY id;
