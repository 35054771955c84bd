-- Whether the files of an expired result are gone, and what is still to be deleted: it is tried again until it is. What had
-- expired before is not looked at again.
ALTER TABLE jobs ADD COLUMN result_deleted boolean NOT NULL DEFAULT false
    CHECK (NOT result_deleted OR state = 'expired');
UPDATE jobs SET result_deleted = true WHERE state = 'expired';
CREATE INDEX jobs_with_expired_result ON jobs (expired_at) WHERE state = 'expired' AND NOT result_deleted;
CREATE INDEX jobs_with_retired_original ON jobs (finished_at) WHERE upload_retired AND NOT upload_deleted;
