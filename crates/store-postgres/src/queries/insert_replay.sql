INSERT INTO replays (id, client, endpoint, since, until, statuses, standings, job, state, position, end_position, examined, resent, created,
       left_alone, created_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);
