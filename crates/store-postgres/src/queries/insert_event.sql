INSERT INTO events (id, client, job, sequence, status, at)
VALUES ($1, $2, $3, $4, $5, $6);
