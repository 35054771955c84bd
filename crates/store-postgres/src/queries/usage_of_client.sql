-- The sum of the client's differences; zeros where it never had a job.
SELECT $1::uuid AS id, coalesce(sum(queued), 0)::bigint AS jobs_waiting,
       coalesce(sum(running), 0)::bigint AS jobs_running,
       coalesce(sum(original_bytes + result_bytes), 0)::bigint AS bytes_stored,
       (SELECT coalesce(sum(submitted), 0)::bigint
        FROM job_hours
        WHERE job_hours.client = $1 AND hour >= $2) AS jobs_today
FROM client_totals
WHERE client = $1;
