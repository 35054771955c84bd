-- One row where something is agreed that a job may break, none for most: a job that is submitted pays one look for it.
SELECT id, jobs_waiting_max, bytes_stored_max, jobs_per_day_max, priority_max
FROM clients
WHERE id = ?1 AND (jobs_waiting_max IS NOT NULL OR bytes_stored_max IS NOT NULL OR jobs_per_day_max IS NOT NULL
              OR priority_max < 1);
