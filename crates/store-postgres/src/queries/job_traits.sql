-- Of many jobs at once: a question for each would be a way to the server and back for each.
SELECT id, client, state, upload_format, created_at
FROM jobs
WHERE id = ANY($1);
