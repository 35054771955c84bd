-- What another one is changing is left to it.
SELECT id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, upload_retired, file_name, revises,
       revision, options, given_bytes, given_sha256, attempts, claims, started_at, state, available_at, worker,
       lease_expires_at, progress, finished_at, error, expired_at, result, result_format, result_bytes, result_sha256,
       document_bytes, document_sha256, faces, plates, warnings, expected_end_at
FROM jobs
WHERE state = 'running' AND worker = $1
FOR NO KEY UPDATE SKIP LOCKED;
