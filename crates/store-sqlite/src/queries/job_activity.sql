SELECT (hour - ?1) / ?3 AS stretch, sum(submitted) AS submitted, sum(bytes_in) AS bytes_in, sum(succeeded) AS succeeded,
       sum(failed) AS failed, sum(cancelled) AS cancelled, sum(worked_on) AS worked_on, sum(waited_ms) AS waited_ms,
       sum(worked_ms) AS worked_ms, sum(faces) AS faces, sum(plates) AS plates
FROM job_hours
WHERE hour >= ?1 AND hour < ?2
GROUP BY stretch;
