-- A delivery that is opened again may stand before the head of its chain; one that is on its way keeps its place.
UPDATE deliveries
SET head = false
WHERE job = $1 AND endpoint = $2 AND head AND state = 'pending';
