-- Whose jobs wait, and what decides whose turn it is. The index is jumped through from one client to the next, however many
-- jobs each of them has.
WITH RECURSIVE waiting (client) AS (
    SELECT first.client
    FROM (SELECT client FROM jobs WHERE state = 'queued' AND long = $1 ORDER BY client LIMIT 1) AS first
    UNION ALL
    SELECT (SELECT jobs.client
            FROM jobs
            WHERE jobs.state = 'queued' AND jobs.long = $1 AND jobs.client > waiting.client
            ORDER BY jobs.client
            LIMIT 1)
    FROM waiting
    WHERE waiting.client IS NOT NULL
)
SELECT clients.id, clients.weight, clients.jobs_at_once_max,
       (SELECT count(*) FROM jobs WHERE jobs.client = clients.id AND jobs.state = 'running') AS running,
       coalesce(turns.finish, 0) AS finish,
       coalesce((SELECT max(others.start) FROM turns AS others WHERE others.long = $1), 0) AS present
FROM waiting
JOIN clients ON clients.id = waiting.client
LEFT JOIN turns ON turns.client = waiting.client AND turns.long = $1;
