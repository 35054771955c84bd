-- For whoever may see the jobs of several clients; the caller compares.
SELECT id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, file_name, options, attempts, claims,
       started_at, state, available_at, worker, lease_expires_at, progress, finished_at, error, expired_at, result,
       result_format, result_bytes, result_sha256, document_bytes, document_sha256, faces, plates, warnings,
       expected_end_at, upload_deleted
FROM jobs
WHERE id = ?1;
