-- The last job to finish stands for all that share an upload: while one of them is not finished, none does. Client by client,
-- because each may have an agreement of its own; without an order over all of them, so that a batch of many costs no more than
-- itself. Within a client the order leads to the index. A revision may be born before the caller has the lock of all jobs on
-- an upload, so that what is retired is decided then (`retire_upload.sql`).
SELECT last.id, last.upload
FROM clients CROSS JOIN LATERAL (
    SELECT id, upload
    FROM jobs
    WHERE client = clients.id AND NOT upload_deleted AND NOT upload_retired AND finished_at IS NOT NULL
      AND finished_at < coalesce($3::bigint + 1 - clients.originals_kept_s * 1000000, $1)
      AND NOT EXISTS (
          SELECT 1
          FROM jobs AS other
          WHERE other.upload = jobs.upload AND other.id <> jobs.id
            AND (other.finished_at IS NULL OR (other.finished_at, other.id) > (jobs.finished_at, jobs.id))
      )
    ORDER BY finished_at
    LIMIT $2
) AS last
LIMIT $2;
