SELECT coalesce(max(position), 0)
FROM events
WHERE client = $1;
