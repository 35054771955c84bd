DELETE FROM replays
WHERE id IN (SELECT id FROM replays WHERE ended_at < $1 LIMIT $2);
