-- An installation as version 1 of the schema left it: rows in every table, in every state that lasts, and what a server that
-- was killed leaves behind. In the dialect of PostgreSQL; `mod.rs` says how SQLite reads it. {now} is the time in
-- microseconds, {yesterday}, {month_ago} and {tomorrow} are what they say; {receiver} is the URL of the endpoint that is
-- called. Everything else is as it was written then: hashes, passwords, and secrets that are sealed under the master key
-- beside this file.

INSERT INTO clients (
    id, key, name, state, created_at, secret, previous_secret, previous_until, originals_kept_s, results_kept_s,
    jobs_waiting_max, bytes_stored_max, jobs_per_day_max, jobs_at_once_max, weight, priority_max
)
VALUES
    (
        '01900000-0000-7000-8000-000000000001', 'client_fixture', 'city council', 'active', {month_ago},
        '\xa5959958cdd61f0a54de96005a41cdd4f287dddd212ac4bcdcb02926fa72469b', '\xf5113f8f4f0e56852e055922e671fdec7cf209207f1d1690f6cca18e6278e4cd', {tomorrow}, 3155760000, 3155760000, 50, 1000000000, 1, 2, 4, 0
    ),
    (
        '01900000-0000-7000-8000-000000000002', 'client_closed', 'gone company', 'disabled', {month_ago},
        '\x0c8def30d28d980bb9b69b6374644e8c0aa13188a11496cdb821f53d611ed5b9', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1
    );

INSERT INTO logins (id, client, created_at, revoked_at)
VALUES
    ('01900000-0000-7000-8000-000000000003', '01900000-0000-7000-8000-000000000001', {yesterday}, NULL),
    ('01900000-0000-7000-8000-000000000004', '01900000-0000-7000-8000-000000000001', {yesterday}, {yesterday});

INSERT INTO refresh_tokens (hash, login, expires_at, rotated_at)
VALUES
    ('\x34c8fd8216f604dbbd134c9974e017229d4f7987684cce5bad0b84d1d8bfc4e3', '01900000-0000-7000-8000-000000000003', {tomorrow}, NULL),
    ('\x1cc2ca17fa9617adf3faffcc260c4531daafa560f845aa4e8d05bb97b1dfecaa', '01900000-0000-7000-8000-000000000004', {tomorrow}, NULL);

-- The password of the three who have one is `correct horse battery staple`; carol was invited.
INSERT INTO users (id, name, client, role, state, password, created_at, last_sign_in_at, password_changed_at)
VALUES
    (
        '01900000-0000-7000-8000-000000000005', 'ada', NULL, 'administrator', 'active',
        '$argon2id$v=19$m=19456,t=2,p=1$Zml4dHVyZWZpeHR1cmVmaQ$WUXsi+I7PUsierLIq6CC5FelRe1ygND7v9sKY5JbXgY', {month_ago}, {yesterday}, {month_ago}
    ),
    (
        '01900000-0000-7000-8000-000000000006', 'bob', '01900000-0000-7000-8000-000000000001', 'member', 'active',
        '$argon2id$v=19$m=19456,t=2,p=1$Zml4dHVyZWZpeHR1cmVmaQ$WUXsi+I7PUsierLIq6CC5FelRe1ygND7v9sKY5JbXgY', {month_ago}, NULL, {month_ago}
    ),
    (
        '01900000-0000-7000-8000-000000000007', 'eve', NULL, 'administrator', 'disabled',
        '$argon2id$v=19$m=19456,t=2,p=1$Zml4dHVyZWZpeHR1cmVmaQ$WUXsi+I7PUsierLIq6CC5FelRe1ygND7v9sKY5JbXgY', {month_ago}, NULL, {month_ago}
    ),
    (
        '01900000-0000-7000-8000-000000000008', 'carol', NULL, 'administrator', 'active',
        NULL, {month_ago}, NULL, NULL
    );

INSERT INTO user_identities (issuer, subject, "user", created_at)
VALUES ('https://id.example.com', 'ada-1', '01900000-0000-7000-8000-000000000005', {month_ago});

INSERT INTO user_sessions (id, token, "user", created_at, last_seen_at, expires_at, user_agent, address)
VALUES (
    '01900000-0000-7000-8000-000000000009', '\x72b492e05670be38e3e53393d5ee296c6c8c66dfe0e005740c6683c4bda95d70',
    '01900000-0000-7000-8000-000000000005', {yesterday}, {now}, {tomorrow}, 'a browser of old', '192.0.2.1'
);

INSERT INTO setup_links (token, "user", expires_at)
VALUES ('\x4e43829850fe1ffd283af5dce03050045cb0bc0318478a41d287f1f16047d761', '01900000-0000-7000-8000-000000000008', {tomorrow});

-- As they were submitted: 20 and 26 wait, 27 and 28 were worked on when the server was killed, the others have ended. 26
-- renders the original of 25 again.
INSERT INTO jobs (
    id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, file_name, revises, revision, options, priority,
    given_bytes, given_sha256, attempts, claims, started_at, state, available_at, worker, lease_expires_at, progress
)
VALUES
    (
        '01900000-0000-7000-8000-000000000020', '01900000-0000-7000-8000-000000000001', {yesterday}, '01900000-0000-7000-8000-000000000120', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'waiting.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 0, 0, NULL, 'queued', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000001', {month_ago}, '01900000-0000-7000-8000-000000000121', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'done.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":true,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {month_ago}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    ),
    (
        '01900000-0000-7000-8000-000000000022', '01900000-0000-7000-8000-000000000001', {month_ago}, '01900000-0000-7000-8000-000000000122', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'broken.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {month_ago}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    ),
    (
        '01900000-0000-7000-8000-000000000023', '01900000-0000-7000-8000-000000000001', {yesterday}, '01900000-0000-7000-8000-000000000123', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'cancelled.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 0, 0, NULL, 'queued', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000024', '01900000-0000-7000-8000-000000000001', {month_ago}, '01900000-0000-7000-8000-000000000124', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'expired.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {month_ago}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    ),
    (
        '01900000-0000-7000-8000-000000000025', '01900000-0000-7000-8000-000000000001', {month_ago}, '01900000-0000-7000-8000-000000000125', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'kept.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {month_ago}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    ),
    (
        '01900000-0000-7000-8000-000000000026', '01900000-0000-7000-8000-000000000001', {yesterday}, '01900000-0000-7000-8000-000000000125', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'kept.png', '01900000-0000-7000-8000-000000000025', 1,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        63, '\x4665e66677bcade6ec19249b1766c96ccf9c4336d18c30c0b716f4a504369720', 0, 0, NULL, 'queued', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000027', '01900000-0000-7000-8000-000000000001', {yesterday}, '01900000-0000-7000-8000-000000000127', 'png', 106,
        '\xedca71fd283e9d2bc3db58cefa5a9ae4ff971eb3b59313cac757a26564436256', 'interrupted.png', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {yesterday}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    ),
    (
        '01900000-0000-7000-8000-000000000028', '01900000-0000-7000-8000-000000000001', {yesterday}, '01900000-0000-7000-8000-000000000128', 'mp4', 3343,
        '\xc5428244c05710d9e4099e452185d497bfda63a40e18877faee9599eba9f4d16', 'clip.mp4', NULL, NULL,
        '{"faces":true,"plates":true,"detections_document":false,"mask":{"style":"blur","smooth_padding":0.0}}', 0,
        NULL, NULL, 1, 1, {yesterday}, 'running', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, 0.25
    );

UPDATE jobs
SET state = 'succeeded', worker = NULL, lease_expires_at = NULL, progress = NULL, finished_at = {month_ago},
    result = '01900000-0000-7000-8000-000000000221', result_format = 'png', result_bytes = 6,
    result_sha256 = '\xe564b4081d7a9ea4b00dada53bdae70c99b87b6fce869f0c3dd4d2bfa1e53e1c',
    document_bytes = 2,
    document_sha256 = '\x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    faces = 2, plates = 1, warnings = '[]'
WHERE id = '01900000-0000-7000-8000-000000000021';

UPDATE jobs
SET state = 'failed', worker = NULL, lease_expires_at = NULL, progress = NULL, finished_at = {month_ago},
    error = 'the file is no picture'
WHERE id = '01900000-0000-7000-8000-000000000022';

-- Its original was to be deleted when the server was killed.
UPDATE jobs
SET state = 'cancelled', available_at = NULL, finished_at = {yesterday}, upload_retired = true
WHERE id = '01900000-0000-7000-8000-000000000023';

UPDATE jobs
SET state = 'succeeded', worker = NULL, lease_expires_at = NULL, progress = NULL, finished_at = {month_ago},
    result = '01900000-0000-7000-8000-000000000224', result_format = 'png', result_bytes = 6,
    result_sha256 = '\xe564b4081d7a9ea4b00dada53bdae70c99b87b6fce869f0c3dd4d2bfa1e53e1c',
    faces = 0, plates = 0, warnings = '[]'
WHERE id = '01900000-0000-7000-8000-000000000024';
UPDATE jobs
SET state = 'expired', expired_at = {yesterday}
WHERE id = '01900000-0000-7000-8000-000000000024';

UPDATE jobs
SET state = 'succeeded', worker = NULL, lease_expires_at = NULL, progress = NULL, finished_at = {month_ago},
    result = '01900000-0000-7000-8000-000000000225', result_format = 'png', result_bytes = 6,
    result_sha256 = '\xe564b4081d7a9ea4b00dada53bdae70c99b87b6fce869f0c3dd4d2bfa1e53e1c',
    faces = 0, plates = 0, warnings = '[]'
WHERE id = '01900000-0000-7000-8000-000000000025';

UPDATE jobs
SET upload_retired = true, upload_deleted = true
WHERE id IN (
    '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000022', '01900000-0000-7000-8000-000000000024'
);

INSERT INTO turns (client, long, start, finish)
VALUES
    ('01900000-0000-7000-8000-000000000001', false, 0, 25000),
    ('01900000-0000-7000-8000-000000000001', true, 0, 25000);

-- The upload of `once.bmp`, which became job 20.
INSERT INTO idempotency_keys (client, key, request, job, created_at)
VALUES (
    '01900000-0000-7000-8000-000000000001', 'fixture-1', '\xf6d207b33687345a91a49cabde270319514e67bd93b6fa2c9655a82998ca4ae8',
    '01900000-0000-7000-8000-000000000020', {now}
);

INSERT INTO parts (job, number, claims, worker, lease_expires_at, left_to_owner)
VALUES
    ('01900000-0000-7000-8000-000000000028', 0, 1, '01900000-0000-7000-8000-0000000000ee', {yesterday}, false),
    ('01900000-0000-7000-8000-000000000028', 1, 0, NULL, NULL, true);

INSERT INTO events (position, id, client, job, sequence, status, at)
VALUES
    (1, '01900000-0000-7000-8000-000000000301', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 1, 'Sent', {month_ago}),
    (2, '01900000-0000-7000-8000-000000000302', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 2, 'Started', {month_ago}),
    (3, '01900000-0000-7000-8000-000000000303', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000021', 3, 'Succeeded', {month_ago}),
    (4, '01900000-0000-7000-8000-000000000304', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000022', 1, 'Sent', {month_ago}),
    (5, '01900000-0000-7000-8000-000000000305', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000022', 2, 'Started', {month_ago}),
    (6, '01900000-0000-7000-8000-000000000306', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000022', 3, 'Failed', {month_ago}),
    (7, '01900000-0000-7000-8000-000000000307', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000024', 1, 'Sent', {month_ago}),
    (8, '01900000-0000-7000-8000-000000000308', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000024', 2, 'Started', {month_ago}),
    (9, '01900000-0000-7000-8000-000000000309', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000024', 3, 'Succeeded', {month_ago}),
    (10, '01900000-0000-7000-8000-000000000310', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000025', 1, 'Sent', {month_ago}),
    (11, '01900000-0000-7000-8000-000000000311', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000025', 2, 'Started', {month_ago}),
    (12, '01900000-0000-7000-8000-000000000312', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000025', 3, 'Succeeded', {month_ago}),
    (13, '01900000-0000-7000-8000-000000000313', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000020', 1, 'Sent', {yesterday}),
    (14, '01900000-0000-7000-8000-000000000314', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000023', 1, 'Sent', {yesterday}),
    (15, '01900000-0000-7000-8000-000000000315', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000026', 1, 'Sent', {yesterday}),
    (16, '01900000-0000-7000-8000-000000000316', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000027', 1, 'Sent', {yesterday}),
    (17, '01900000-0000-7000-8000-000000000317', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000027', 2, 'Started', {yesterday}),
    (18, '01900000-0000-7000-8000-000000000318', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000028', 1, 'Sent', {yesterday}),
    (19, '01900000-0000-7000-8000-000000000319', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000028', 2, 'Started', {yesterday});

-- Active, in the middle of a rotation; held, since it fails; deleted; switched off.
INSERT INTO endpoints (
    id, client, url, description, ack, keep_responses, token, old_token, old_token_until, signing_secret, old_secret, old_secret_until,
    state, held_since, held_reason, next_probe_at, consecutive_failures, failing_since, created_at, updated_at, deleted_at
)
VALUES
    (
        '01900000-0000-7000-8000-000000000010', '01900000-0000-7000-8000-000000000001', '{receiver}', 'the archive', 'strict', true,
        '\x013142d13d254ad2030101010101010101010101019c6f057cdf24eb0fe1f1f36a646cc51fca9772a65a9177651ec67b6056eff393500ff0ca904d82e5e2e6947d09b5e732',
        '\x013142d13d254ad203090909090909090909090909c67be2669ca186adb5fb8dde1573674d220c0f322819e466547ef521fc68ed0847755a26d5f44e3d8c2d5e8bd166baa7',
        {tomorrow},
        '\x013142d13d254ad20302020202020202020202020246ccca95f6953a76debc51d1e026e19337abe79ce1de28bc669b245fb175366788187a91214429c19a060731ccbc5bcb',
        '\x013142d13d254ad2030a0a0a0a0a0a0a0a0a0a0a0aea0ab18df0fc309e1a75770dd6437d69daffa9c37cb136b2e792bcdbb11009abee6950120d6550ad6acb0cd4c72af912',
        {tomorrow}, 'active', NULL, NULL, NULL, 0, NULL, {month_ago}, {yesterday}, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000011', '01900000-0000-7000-8000-000000000001', 'http://127.0.0.1:9/held', NULL, 'status', false,
        '\x013142d13d254ad2030303030303030303030303038ca45164a88159e50bd08d629c6ca40b159de7ca8fe2bb6bf05bf4034dbf1e11296158ea397ba0c9114ffd966cc65e02',
        NULL, NULL,
        '\x013142d13d254ad203040404040404040404040404a9b0fdf42f907ad3c7529fea1c99254c5e719cfbc25c646c82d003e653cdf4bb1208d77d2159fe97198ffe18ef7d0bf4',
        NULL, NULL, 'held', {yesterday}, 'failing', {tomorrow}, 8, {yesterday}, {month_ago}, {yesterday}, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000012', '01900000-0000-7000-8000-000000000001', 'http://127.0.0.1:9/deleted', NULL, 'strict', true,
        '\x013142d13d254ad2030505050505050505050505054c68ec7b206365c64f6e1fd47df703d97f0278275e3570b1c923b27332b58f6f6df76d66c4f56f4ed7dbc78cb58cbb64',
        NULL, NULL,
        '\x013142d13d254ad2030606060606060606060606062af3107741076a6d5e6690cb8f5d2fa3ff6ff436edc8d01dfb212f620efd13427d08bf7cb1658c3c2b25c3f35c59594e',
        NULL, NULL, 'disabled', NULL, NULL, NULL, 0, NULL, {month_ago}, {yesterday}, {yesterday}
    ),
    (
        '01900000-0000-7000-8000-000000000013', '01900000-0000-7000-8000-000000000001', 'http://127.0.0.1:9/off', NULL, 'strict', true,
        '\x013142d13d254ad203070707070707070707070707085901eab35a2c5490c1b19184181d1858622428003f44c91d99a05f85c6b9286c0633061ab8b0427e60a64c946045e6',
        NULL, NULL,
        '\x013142d13d254ad2030808080808080808080808082d34cbde4c008e09fa60cdcd4b4834ca67410736c926e7f3c6e1ced2b1afa4eebf0ce2ee9d939b6266d5119e62da4b51',
        NULL, NULL, 'disabled', NULL, NULL, NULL, 0, NULL, {month_ago}, {yesterday}, NULL
    );

-- To the active endpoint: delivered, superseded, failed once and waiting, waiting, on its way when the server was killed,
-- expired. To the held one: waiting. To the deleted one: dropped.
INSERT INTO deliveries (
    id, event, client, job, endpoint, sequence, status, head, attempts, failures, claims, created_at, opened_at, tried_at, state,
    not_before, worker, lease_expires_at, closed_at
)
VALUES
    (
        '01900000-0000-7000-8000-000000000040', '01900000-0000-7000-8000-000000000301', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000010', 1, 'Sent', false, 1, 0, 1, {yesterday}, {yesterday},
        {yesterday}, 'delivered', NULL, NULL, NULL, {yesterday}
    ),
    (
        '01900000-0000-7000-8000-000000000041', '01900000-0000-7000-8000-000000000302', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000010', 2, 'Started', false, 0, 0, 0, {yesterday}, {yesterday},
        NULL, 'superseded', NULL, NULL, NULL, {yesterday}
    ),
    (
        '01900000-0000-7000-8000-000000000042', '01900000-0000-7000-8000-000000000303', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000010', 3, 'Succeeded', true, 1, 1, 1, {yesterday}, {yesterday},
        {yesterday}, 'pending', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000043', '01900000-0000-7000-8000-000000000313', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000020', '01900000-0000-7000-8000-000000000010', 1, 'Sent', true, 0, 0, 0, {yesterday}, {yesterday},
        NULL, 'pending', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000044', '01900000-0000-7000-8000-000000000312', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000025', '01900000-0000-7000-8000-000000000010', 3, 'Succeeded', true, 0, 0, 1, {yesterday}, {yesterday},
        NULL, 'sending', NULL, '01900000-0000-7000-8000-0000000000ee', {yesterday}, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000045', '01900000-0000-7000-8000-000000000306', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000022', '01900000-0000-7000-8000-000000000010', 3, 'Failed', false, 0, 0, 0, {yesterday}, {yesterday},
        NULL, 'expired', NULL, NULL, NULL, {yesterday}
    ),
    (
        '01900000-0000-7000-8000-000000000046', '01900000-0000-7000-8000-000000000313', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000020', '01900000-0000-7000-8000-000000000011', 1, 'Sent', true, 0, 0, 0, {yesterday}, {yesterday},
        NULL, 'pending', {yesterday}, NULL, NULL, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000047', '01900000-0000-7000-8000-000000000301', '01900000-0000-7000-8000-000000000001',
        '01900000-0000-7000-8000-000000000021', '01900000-0000-7000-8000-000000000012', 1, 'Sent', false, 0, 0, 0, {yesterday}, {yesterday},
        NULL, 'dropped', NULL, NULL, NULL, {yesterday}
    );

INSERT INTO attempts (delivery, started_at, id, number, duration_ms, phases, outcome, ours, status, response, retry_after)
VALUES
    (
        '01900000-0000-7000-8000-000000000040', {yesterday}, '01900000-0000-7000-8000-000000000050', 1, 12, '100,200,,300,400', 'ok',
        false, 200, '\x7b7d', NULL
    ),
    (
        '01900000-0000-7000-8000-000000000042', {yesterday}, '01900000-0000-7000-8000-000000000051', 1, 30, NULL, 'status',
        false, 503, '\x62757379', {yesterday}
    );

INSERT INTO attempt_hours (
    endpoint, hour, delivered, failed, duration_ms, class_0, class_1, class_2, class_3, class_4, class_5, class_6, class_7, class_8, class_9,
    class_10, class_11
)
VALUES (
    '01900000-0000-7000-8000-000000000010', {yesterday} / 3600000000, 1, 1, 42, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
);

-- One goes on where it was: it sends the end of job 24, which the endpoint has not been told.
INSERT INTO replays (
    id, client, endpoint, since, until, statuses, standings, job, state, position, end_position, examined, resent, created, left_alone,
    created_at, ended_at
)
VALUES
    (
        '01900000-0000-7000-8000-000000000060', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000010',
        0, {tomorrow}, 'Succeeded', 'missing', NULL, 'running', 4, 19, 1, 0, 0, 0, {yesterday}, NULL
    ),
    (
        '01900000-0000-7000-8000-000000000061', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000010',
        0, {yesterday}, '', '', '01900000-0000-7000-8000-000000000021', 'done', 4, 4, 4, 1, 1, 2, {yesterday}, {yesterday}
    ),
    (
        '01900000-0000-7000-8000-000000000062', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000010',
        0, {yesterday}, '', '', NULL, 'cancelled', 2, 4, 2, 2, 0, 0, {yesterday}, {yesterday}
    );

-- Entries are forgotten by the time in their identifiers, which here is far ahead.
INSERT INTO audit (id, at, actor_kind, actor, actor_name, action, subject_kind, subject, client, detail, address)
VALUES
    (
        '02000000-0000-7000-8000-000000000070', {month_ago}, 'operator', NULL, 'operator', 'client.created',
        'client', '01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000001', '{"name":"city council"}', NULL
    ),
    (
        '02000000-0000-7000-8000-000000000071', {yesterday}, 'user', '01900000-0000-7000-8000-000000000005', 'ada', 'session.opened',
        NULL, NULL, NULL, '{}', '192.0.2.1'
    ),
    (
        '02000000-0000-7000-8000-000000000072', {yesterday}, 'stranger', NULL, 'mallory', 'session.refused',
        NULL, NULL, NULL, '{"left_out_before":"3"}', '192.0.2.2'
    ),
    (
        '02000000-0000-7000-8000-000000000073', {yesterday}, 'client', '01900000-0000-7000-8000-000000000001', 'city council',
        'job.cancelled', 'job', '01900000-0000-7000-8000-000000000023', '01900000-0000-7000-8000-000000000001', '{}', '192.0.2.3'
    ),
    (
        '02000000-0000-7000-8000-000000000074', {yesterday}, 'system', NULL, 'Sfumato', 'secrets.rotated',
        NULL, NULL, NULL, '{"secrets":"8"}', NULL
    );
