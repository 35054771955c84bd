-- One look into the index for each endpoint: a join would read every waiting delivery.
WITH waiting AS MATERIALIZED (
    SELECT endpoints.state, endpoints.next_probe_at, endpoints.paused_until,
           (SELECT min(due.not_before) FROM deliveries AS due
            WHERE due.endpoint = endpoints.id AND due.head = 1 AND due.state = 'pending') AS oldest
    FROM endpoints
    WHERE endpoints.deleted_at IS NULL AND endpoints.state IN ('active', 'held')
)
SELECT min(CASE state WHEN 'held' THEN next_probe_at ELSE max(oldest, coalesce(paused_until, oldest)) END)
FROM waiting
WHERE oldest IS NOT NULL;
