SELECT client_totals.client AS id, queued AS jobs_waiting, running AS jobs_running, original_bytes + result_bytes AS bytes_stored,
       coalesce((SELECT sum(submitted) FROM job_hours WHERE job_hours.client = ?1 AND hour >= ?2), 0) AS jobs_today
FROM client_totals
WHERE client = ?1;
