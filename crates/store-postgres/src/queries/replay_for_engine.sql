-- The engine advances the replays of every client; everybody else asks with a client.
SELECT id, client, endpoint, since, until, statuses, standings, job, state, position, end_position, examined, resent, created,
       left_alone, created_at, ended_at
FROM replays
WHERE id = $1 AND state = 'running';
