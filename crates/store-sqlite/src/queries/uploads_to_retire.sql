-- The last job to finish stands for all that share an upload: while one of them is not finished, none does. Client by client,
-- because each may have an agreement of its own; without an order over all of them, so that a batch of many costs no more than
-- itself.
SELECT last.id, last.upload
FROM clients CROSS JOIN jobs AS last ON last.client = clients.id
WHERE last.upload_deleted = 0 AND last.upload_retired = 0 AND last.finished_at IS NOT NULL
  AND last.finished_at < ifnull(?3 + 1 - clients.originals_kept_s * 1000000, ?1)
  AND NOT EXISTS (
      SELECT 1
      FROM jobs AS other
      WHERE other.upload = last.upload AND other.id <> last.id
        AND (other.finished_at IS NULL OR (other.finished_at, other.id) > (last.finished_at, last.id))
  )
LIMIT ?2;
