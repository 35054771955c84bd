-- `0001.sql` for PostgreSQL: an installation as version 1 of the schema leaves it, a client with a login and an endpoint, and jobs in every state that
-- lasts, with their events and deliveries. What depends on keys and files is written by the test: {secret} is the hash of the
-- client's secret, {token} and {signing_secret} are sealed, {upload_sha256} and {result_sha256} are hashes of the blobs.

INSERT INTO clients (id, key, name, state, created_at, secret)
VALUES ('01900000-0000-7000-8000-000000000001', 'client_fixture', 'city council', 'active', 1700000000000000, {secret});

INSERT INTO endpoints (
    id, client, url, ack, keep_responses, token, signing_secret, state, consecutive_failures, created_at, updated_at
)
VALUES (
    '01900000-0000-7000-8000-000000000010', '01900000-0000-7000-8000-000000000001', 'http://127.0.0.1:19999/hook', 'strict', true,
    {token}, {signing_secret}, 'disabled', 0, 1700000000000000, 1700000000000000
);

-- Queued.
INSERT INTO jobs (
    id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, file_name, options, priority, attempts, claims, state,
    available_at
)
VALUES (
    '01900000-0000-7000-8000-000000000020', '01900000-0000-7000-8000-000000000001', 1700000000000000,
    '01900000-0000-7000-8000-000000000120', 'bmp', 7, {upload_sha256}, 'waiting.bmp', '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0, 0, 0, 'queued', 1700000000000000
);

-- Succeeded; its original is gone and its result is kept.
INSERT INTO jobs (
    id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, upload_retired, upload_deleted, file_name,
    options, priority, attempts, claims, started_at, state, finished_at, result, result_format, result_bytes, result_sha256, faces,
    plates, warnings
)
VALUES (
    '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000001', 1700000000000000,
    '01900000-0000-7000-8000-000000000121', 'bmp', 7, {upload_sha256}, true, true, 'done.bmp', '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0, 1, 1, 1700000001000000,
    'succeeded', {now}, '01900000-0000-7000-8000-000000000221', 'bmp', 6, {result_sha256}, 2, 1, '[]'
);

-- Failed.
INSERT INTO jobs (
    id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, upload_retired, upload_deleted, file_name,
    options, priority, attempts, claims, started_at, state, finished_at, error
)
VALUES (
    '01900000-0000-7000-8000-000000000022', '01900000-0000-7000-8000-000000000001', 1700000000000000,
    '01900000-0000-7000-8000-000000000122', 'bmp', 7, {upload_sha256}, true, true, 'broken.bmp', '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0, 1, 1, 1700000001000000,
    'failed', 1700000002000000, 'the file is no picture'
);

INSERT INTO events (position, id, client, job, sequence, status, at)
VALUES
    (1, '01900000-0000-7000-8000-000000000030', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000020', 1,
     'Sent', 1700000000000000),
    (2, '01900000-0000-7000-8000-000000000031', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 1,
     'Sent', 1700000000000000),
    (3, '01900000-0000-7000-8000-000000000032', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 2,
     'Started', 1700000001000000),
    (4, '01900000-0000-7000-8000-000000000033', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 3,
     'Succeeded', 1700000002000000);

INSERT INTO deliveries (
    id, event, client, job, endpoint, sequence, status, head, attempts, failures, claims, created_at, opened_at, state,
    closed_at
)
VALUES (
    '01900000-0000-7000-8000-000000000040', '01900000-0000-7000-8000-000000000031', '01900000-0000-7000-8000-000000000001',
    '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000010', 1, 'Sent', false, 1, 0, 1, 1700000000000000,
    1700000000000000, 'delivered', 1700000000500000
);

INSERT INTO attempts (delivery, started_at, id, number, duration_ms, outcome, ours, status)
VALUES (
    '01900000-0000-7000-8000-000000000040', 1700000000400000, '01900000-0000-7000-8000-000000000050', 1, 12, 'ok', false, 200
);

-- The next event comes after these.
SELECT setval(pg_get_serial_sequence('events', 'position'), 4);
