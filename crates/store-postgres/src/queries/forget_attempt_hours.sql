DELETE FROM attempt_hours
WHERE (endpoint, hour) IN (SELECT endpoint, hour FROM attempt_hours WHERE hour < $1 LIMIT $2);
