UPDATE clients
SET originals_kept_s = ?2, results_kept_s = ?3, jobs_waiting_max = ?4, bytes_stored_max = ?5, jobs_per_day_max = ?6,
    weight = ?7, jobs_at_once_max = ?8, priority_max = ?9
WHERE key = ?1;
