-- The last job to finish stands for all that share an upload: while one of them is not finished, none does.
SELECT id, upload
FROM jobs AS last
WHERE upload_deleted = 0 AND finished_at IS NOT NULL AND finished_at < ?1
  AND NOT EXISTS (
      SELECT 1
      FROM jobs AS other
      WHERE other.upload = last.upload AND other.id <> last.id
        AND (other.finished_at IS NULL OR (other.finished_at, other.id) > (last.finished_at, last.id))
  )
ORDER BY finished_at
LIMIT ?2;
