-- The rows of a client are differences.
SELECT coalesce(sum(queued), 0)::bigint AS queued, coalesce(sum(running), 0)::bigint AS running,
       coalesce(sum(succeeded), 0)::bigint AS succeeded, coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(cancelled), 0)::bigint AS cancelled, coalesce(sum(expired), 0)::bigint AS expired,
       coalesce(sum(original_bytes), 0)::bigint AS original_bytes,
       coalesce(sum(result_bytes), 0)::bigint AS result_bytes, coalesce(sum(faces), 0)::bigint AS faces,
       coalesce(sum(plates), 0)::bigint AS plates
FROM client_totals
WHERE $1::uuid IS NULL OR client = $1;
