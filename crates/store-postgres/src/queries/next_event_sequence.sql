SELECT coalesce(max(sequence), 0) + 1
FROM events
WHERE job = $1;
