-- The row of a job is also the lock of its chains: whoever adds, opens or closes a delivery of a job holds it. Of two who
-- did so at once, one might find a chain open that the other is closing, and what waits in it would never become the head.
SELECT id
FROM jobs
WHERE id = ANY($1)
ORDER BY id
FOR NO KEY UPDATE;
