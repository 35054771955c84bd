-- Of one client; by age, not by when it became available: a job that was handed back goes on before younger ones.
-- What another one is changing is left to it. Those that this transaction has chosen already are left out by name: which
-- number they have may change while others commit.
SELECT id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, upload_retired, file_name, revises,
       revision, options, priority, given_bytes, given_sha256, attempts, claims, started_at, state, available_at, worker,
       lease_expires_at, progress, finished_at, error, expired_at, result, result_format, result_bytes, result_sha256,
       document_bytes, document_sha256, faces, plates, warnings, expected_end_at
FROM jobs
WHERE state = 'queued' AND long = $2 AND client = $3 AND available_at <= $1 AND id <> ALL ($4::uuid[])
ORDER BY priority DESC, created_at, id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;
