-- Which endpoints may be called now, which of them are held, and how many deliveries each has in flight. A held one is
-- due when its probe is, whatever the schedule of its deliveries says.
SELECT endpoints.id, endpoints.state = 'held' AS held,
       (SELECT count(*) FROM deliveries AS flying
        WHERE flying.endpoint = endpoints.id AND flying.state = 'sending') AS in_flight,
       (SELECT min(due.not_before) FROM deliveries AS due
        WHERE due.endpoint = endpoints.id AND due.head = 1 AND due.state = 'pending') AS oldest
FROM endpoints
WHERE endpoints.deleted_at IS NULL
  AND ((endpoints.state = 'active' AND (endpoints.paused_until IS NULL OR endpoints.paused_until <= ?1))
       OR (endpoints.state = 'held' AND endpoints.next_probe_at <= ?1))
  AND oldest IS NOT NULL
  AND (oldest <= ?1 OR endpoints.state = 'held')
ORDER BY oldest;
