SELECT id, originals_kept_s, results_kept_s, jobs_waiting_max, bytes_stored_max, jobs_per_day_max,
       weight, jobs_at_once_max, priority_max
FROM clients
WHERE id = $1;
