SELECT EXISTS (SELECT 1 FROM replays WHERE endpoint = $1 AND state = 'running');
