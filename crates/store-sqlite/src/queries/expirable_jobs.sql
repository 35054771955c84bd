SELECT jobs.id, jobs.client, jobs.created_at, jobs.upload, jobs.upload_format, jobs.upload_bytes, jobs.upload_sha256,
       jobs.upload_retired, jobs.file_name, jobs.revises, jobs.revision, jobs.options, jobs.priority, jobs.given_bytes,
       jobs.given_sha256, jobs.attempts, jobs.claims, jobs.started_at, jobs.state, jobs.available_at, jobs.worker,
       jobs.lease_expires_at, jobs.progress, jobs.finished_at, jobs.error, jobs.expired_at, jobs.result,
       jobs.result_format, jobs.result_bytes, jobs.result_sha256, jobs.document_bytes, jobs.document_sha256,
       jobs.faces, jobs.plates, jobs.warnings, jobs.expected_end_at
FROM clients CROSS JOIN jobs ON jobs.client = clients.id
WHERE jobs.state = 'succeeded' AND jobs.finished_at < ifnull(?3 - clients.results_kept_s * 1000000, ?1)
LIMIT ?2;
