-- Which endpoints have something to send now, whether they are held, and how many deliveries each has in flight. A held
-- one is due when its probe is, whatever the schedule of its deliveries says. Who has least in flight comes first, so
-- that a long queue at one endpoint does not take every place from the others. Materialized, because SQLite would
-- otherwise evaluate the two subqueries again for each condition.
WITH callable AS MATERIALIZED (
    SELECT endpoints.id, endpoints.state = 'held' AS held,
           (SELECT count(*) FROM deliveries AS flying
            WHERE flying.endpoint = endpoints.id AND flying.state = 'sending') AS in_flight,
           (SELECT min(due.not_before) FROM deliveries AS due
            WHERE due.endpoint = endpoints.id AND due.head = 1 AND due.state = 'pending') AS oldest
    FROM endpoints
    WHERE endpoints.deleted_at IS NULL
      AND ((endpoints.state = 'active' AND (endpoints.paused_until IS NULL OR endpoints.paused_until <= ?1))
           OR (endpoints.state = 'held' AND endpoints.next_probe_at <= ?1))
)
SELECT id, held, in_flight
FROM callable
WHERE oldest IS NOT NULL
  AND CASE WHEN held THEN in_flight = 0 ELSE oldest <= ?1 AND in_flight < ?2 END
ORDER BY in_flight, oldest, id
LIMIT ?3;
