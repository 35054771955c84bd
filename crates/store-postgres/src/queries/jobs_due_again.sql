-- No job waits longer than until $2: one that would was queued by a clock that has been set back since. What another one is
-- changing is left to it.
UPDATE jobs
SET available_at = $1
WHERE id IN (SELECT id
             FROM jobs
             WHERE state = 'queued' AND available_at > $2
             ORDER BY id
             FOR NO KEY UPDATE SKIP LOCKED);
