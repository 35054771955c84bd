SELECT (hour - $1) / $3 AS stretch, sum(submitted)::bigint AS submitted, sum(bytes_in)::bigint AS bytes_in,
       sum(succeeded)::bigint AS succeeded, sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
       sum(worked_on)::bigint AS worked_on, sum(waited_ms)::bigint AS waited_ms, sum(worked_ms)::bigint AS worked_ms,
       sum(faces)::bigint AS faces, sum(plates)::bigint AS plates
FROM job_hours
WHERE hour >= $1 AND hour < $2
GROUP BY stretch;
