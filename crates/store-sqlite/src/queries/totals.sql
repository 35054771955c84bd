SELECT coalesce(sum(queued), 0) AS queued, coalesce(sum(running), 0) AS running,
       coalesce(sum(succeeded), 0) AS succeeded, coalesce(sum(failed), 0) AS failed,
       coalesce(sum(cancelled), 0) AS cancelled, coalesce(sum(expired), 0) AS expired,
       coalesce(sum(original_bytes), 0) AS original_bytes, coalesce(sum(result_bytes), 0) AS result_bytes,
       coalesce(sum(faces), 0) AS faces, coalesce(sum(plates), 0) AS plates
FROM client_totals
WHERE ?1 IS NULL OR client = ?1;
