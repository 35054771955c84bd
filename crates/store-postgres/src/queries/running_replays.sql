SELECT id
FROM replays
WHERE state = 'running'
ORDER BY id;
