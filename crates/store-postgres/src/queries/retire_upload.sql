-- Guarded: a revision may have been born since the upload was chosen. The caller holds the lock of all jobs on it.
UPDATE jobs
SET upload_retired = true
WHERE upload = $1 AND NOT upload_retired
  AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.upload = $1 AND other.finished_at IS NULL);
