SELECT id, client, endpoint, since, until, statuses, standings, job, state, position, end_position, examined, resent, created,
       left_alone, created_at, ended_at
FROM replays
WHERE endpoint = $1 AND client = $2
ORDER BY id DESC
LIMIT $3;
