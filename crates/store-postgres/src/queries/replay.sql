SELECT id, client, endpoint, since, until, statuses, standings, job, state, position, end_position, examined, resent, created,
       left_alone, created_at, ended_at
FROM replays
WHERE id = $1 AND endpoint = $2 AND client = $3;
