-- Whether the files of an expired result are gone, and what is still to be deleted: it is tried again until it is. What had
-- expired before is not looked at again.
ALTER TABLE jobs ADD COLUMN result_deleted INTEGER NOT NULL DEFAULT 0
    CHECK (result_deleted IN (0, 1) AND (result_deleted = 0 OR state = 'expired'));
UPDATE jobs SET result_deleted = 1 WHERE state = 'expired';
CREATE INDEX jobs_with_expired_result ON jobs (expired_at) WHERE state = 'expired' AND result_deleted = 0;
CREATE INDEX jobs_with_retired_original ON jobs (finished_at) WHERE upload_retired = 1 AND upload_deleted = 0;
