-- Guarded by where it stood when it was read in the same transaction.
UPDATE replays
SET state = $3, position = $4, examined = $5, resent = $6, created = $7, left_alone = $8, ended_at = $9
WHERE id = $1 AND position = $2 AND state = 'running';
