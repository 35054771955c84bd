-- No job waits longer than until ?2: one that would was queued by a clock that has been set back since.
UPDATE jobs SET available_at = ?1 WHERE state = 'queued' AND available_at > ?2;
