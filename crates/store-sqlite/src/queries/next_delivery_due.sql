SELECT min(CASE endpoints.state
               WHEN 'held' THEN endpoints.next_probe_at
               ELSE max(due.not_before, coalesce(endpoints.paused_until, due.not_before))
           END)
FROM endpoints
JOIN deliveries AS due ON due.endpoint = endpoints.id AND due.head = 1 AND due.state = 'pending'
WHERE endpoints.deleted_at IS NULL AND endpoints.state IN ('active', 'held');
