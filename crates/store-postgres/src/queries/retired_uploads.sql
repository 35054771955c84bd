-- What was retired and is not marked as deleted, whyever it was retired; the last job to finish stands for all that share an
-- upload, as in `uploads_to_retire.sql`.
SELECT last.id, last.upload
FROM jobs AS last
WHERE last.upload_retired AND NOT last.upload_deleted
  AND NOT EXISTS (
      SELECT 1
      FROM jobs AS other
      WHERE other.upload = last.upload AND other.id <> last.id
        AND (other.finished_at, other.id) > (last.finished_at, last.id)
  )
ORDER BY last.finished_at
LIMIT $1;
