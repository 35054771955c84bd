UPDATE replays
SET state = 'cancelled', ended_at = $2
WHERE endpoint = $1 AND state = 'running';
