INSERT INTO jobs (id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, file_name, options, attempts, claims,
       started_at, state, available_at, worker, lease_expires_at, progress, finished_at, error, expired_at, result,
       result_format, result_bytes, result_sha256, document_bytes, document_sha256, faces, plates, warnings,
       expected_end_at, revises, revision, given_bytes, given_sha256, priority)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
        ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35);
