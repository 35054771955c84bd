DELETE FROM job_hours
WHERE (hour, client) IN (SELECT hour, client FROM job_hours WHERE hour < $1 LIMIT $2);
