-- The next event comes after the last one that was copied.
SELECT setval(pg_get_serial_sequence('events', 'position'), max(position))
FROM events
HAVING max(position) IS NOT NULL;
