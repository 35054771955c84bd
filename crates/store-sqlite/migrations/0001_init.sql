-- Identifiers are UUIDs as 16 bytes, times are microseconds since 1970 UTC, hashes are SHA-256. The CHECK constraints
-- repeat the state machines of the domain: a row that breaks them cannot be written by any version of the program.

CREATE TABLE clients (
    id              BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    key             TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at      INTEGER NOT NULL,
    secret          BLOB NOT NULL CHECK (length(secret) = 32),
    previous_secret BLOB CHECK (length(previous_secret) = 32),
    previous_until  INTEGER,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;

CREATE TABLE logins (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    client     BLOB NOT NULL REFERENCES clients (id),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX logins_of_client ON logins (client);
CREATE INDEX logins_by_age ON logins (created_at);

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    login      BLOB NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER
) STRICT;
CREATE INDEX refresh_tokens_of_login ON refresh_tokens (login);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE jobs (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    client           BLOB NOT NULL REFERENCES clients (id),
    created_at       INTEGER NOT NULL,
    upload           BLOB NOT NULL UNIQUE CHECK (length(upload) = 16),
    upload_format    TEXT NOT NULL
        CHECK (upload_format IN ('jpeg', 'png', 'webp', 'bmp', 'tiff', 'mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')),
    -- Videos and archives, which are claimed apart from pictures.
    long             INTEGER NOT NULL GENERATED ALWAYS AS
        (upload_format IN ('mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')) STORED,
    upload_bytes     INTEGER NOT NULL CHECK (upload_bytes >= 0),
    upload_sha256    BLOB NOT NULL CHECK (length(upload_sha256) = 32),
    upload_deleted   INTEGER NOT NULL DEFAULT 0 CHECK (upload_deleted IN (0, 1)),
    file_name        TEXT NOT NULL,
    options          TEXT NOT NULL,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    claims           INTEGER NOT NULL CHECK (claims >= attempts),
    started_at       INTEGER,
    state            TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired')),
    available_at     INTEGER,
    worker           BLOB CHECK (length(worker) = 16),
    lease_expires_at INTEGER,
    progress         REAL CHECK (progress BETWEEN 0 AND 1),
    expected_end_at  INTEGER,
    finished_at      INTEGER,
    error            TEXT,
    expired_at       INTEGER,
    result           BLOB CHECK (length(result) = 16),
    result_format    TEXT,
    result_bytes     INTEGER,
    result_sha256    BLOB CHECK (length(result_sha256) = 32),
    document_bytes   INTEGER,
    document_sha256  BLOB CHECK (length(document_sha256) = 32),
    faces            INTEGER,
    plates           INTEGER,
    warnings         TEXT,
    CHECK ((state = 'queued') = (available_at IS NOT NULL)),
    CHECK ((state = 'running') = (worker IS NOT NULL)),
    CHECK ((state = 'running') = (lease_expires_at IS NOT NULL)),
    CHECK ((state = 'running') = (progress IS NOT NULL)),
    CHECK (state = 'running' OR expected_end_at IS NULL),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled', 'expired')) = (finished_at IS NOT NULL)),
    CHECK ((state = 'failed') = (error IS NOT NULL)),
    CHECK ((state = 'expired') = (expired_at IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'expired')) = (result IS NOT NULL)),
    CHECK ((result IS NULL) = (result_format IS NULL)),
    CHECK ((result IS NULL) = (result_bytes IS NULL)),
    CHECK ((result IS NULL) = (result_sha256 IS NULL)),
    CHECK ((result IS NULL) = (faces IS NULL)),
    CHECK ((result IS NULL) = (plates IS NULL)),
    CHECK ((result IS NULL) = (warnings IS NULL)),
    CHECK ((document_bytes IS NULL) = (document_sha256 IS NULL))
) STRICT;
CREATE UNIQUE INDEX jobs_by_result ON jobs (result) WHERE result IS NOT NULL;
CREATE INDEX jobs_of_client ON jobs (client, id);
CREATE INDEX jobs_queued ON jobs (long, created_at, id, available_at) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_with_original ON jobs (finished_at) WHERE upload_deleted = 0 AND finished_at IS NOT NULL;
CREATE INDEX jobs_with_result ON jobs (finished_at) WHERE state = 'succeeded';

-- The position is the order in which events were committed: what a cursor counts in. AUTOINCREMENT never gives a number
-- twice, and SQLite has one writer at a time: whoever gets the next number has also committed after the one before, so that
-- a reader who has seen a position never meets a lower one that is new.
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    client   BLOB NOT NULL REFERENCES clients (id),
    job      BLOB NOT NULL REFERENCES jobs (id),
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    status   TEXT NOT NULL CHECK (status IN ('Sent', 'Started', 'Succeeded', 'Failed')),
    at       INTEGER NOT NULL,
    UNIQUE (job, sequence)
) STRICT;
-- The position is in every index of its table, as the last column.
CREATE INDEX events_of_client ON events (client);

-- A deleted endpoint stays as a row, so that the history of its deliveries stays readable; its client sees it no more.
CREATE TABLE endpoints (
    id                   BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    client               BLOB NOT NULL REFERENCES clients (id),
    url                  TEXT NOT NULL,
    description          TEXT,
    ack                  TEXT NOT NULL CHECK (ack IN ('strict', 'status')),
    keep_responses       INTEGER NOT NULL CHECK (keep_responses IN (0, 1)),
    token                TEXT NOT NULL,
    old_token            TEXT,
    old_token_until      INTEGER,
    signing_secret       BLOB NOT NULL CHECK (length(signing_secret) = 32),
    old_secret           BLOB CHECK (length(old_secret) = 32),
    old_secret_until     INTEGER,
    state                TEXT NOT NULL CHECK (state IN ('active', 'held', 'disabled')),
    held_since           INTEGER,
    held_reason          TEXT CHECK (held_reason IN ('failing', 'gone')),
    next_probe_at        INTEGER,
    consecutive_failures INTEGER NOT NULL CHECK (consecutive_failures >= 0),
    failing_since        INTEGER,
    last_success_at      INTEGER,
    paused_until         INTEGER,
    warned               TEXT CHECK (warned IN ('hour', 'day', 'last_half_day')),
    recovering_since     INTEGER,
    overflowed           INTEGER NOT NULL DEFAULT 0 CHECK (overflowed >= 0),
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    deleted_at           INTEGER,
    CHECK ((state = 'held') = (held_since IS NOT NULL)),
    CHECK ((state = 'held') = (held_reason IS NOT NULL)),
    CHECK ((state = 'held') = (next_probe_at IS NOT NULL)),
    CHECK ((consecutive_failures = 0) = (failing_since IS NULL)),
    CHECK ((old_token IS NULL) = (old_token_until IS NULL)),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
) STRICT;
CREATE INDEX endpoints_of_client ON endpoints (client, id) WHERE deleted_at IS NULL;
CREATE INDEX endpoints_rotating ON endpoints (id) WHERE old_token IS NOT NULL OR old_secret IS NOT NULL;

-- `head` marks the first open delivery of each job and endpoint, the only one that may be sent: kept up to date by every
-- transaction that adds or closes one, because finding it by a window over 100,000 waiting rows is too slow. `sequence` and
-- `status` repeat the event's, so that a claim reads no second table.
CREATE TABLE deliveries (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    event            BLOB NOT NULL REFERENCES events (id),
    client           BLOB NOT NULL REFERENCES clients (id),
    job              BLOB NOT NULL REFERENCES jobs (id),
    endpoint         BLOB NOT NULL REFERENCES endpoints (id),
    sequence         INTEGER NOT NULL CHECK (sequence >= 1),
    status           TEXT NOT NULL CHECK (status IN ('Sent', 'Started', 'Succeeded', 'Failed')),
    head             INTEGER NOT NULL CHECK (head IN (0, 1)),
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    failures         INTEGER NOT NULL CHECK (failures >= 0),
    claims           INTEGER NOT NULL CHECK (claims >= attempts),
    created_at       INTEGER NOT NULL,
    opened_at        INTEGER NOT NULL CHECK (opened_at >= created_at),
    tried_at         INTEGER,
    urgent           INTEGER NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1)),
    state            TEXT NOT NULL
        CHECK (state IN ('pending', 'sending', 'delivered', 'superseded', 'expired', 'dropped')),
    not_before       INTEGER,
    worker           BLOB CHECK (length(worker) = 16),
    lease_expires_at INTEGER,
    closed_at        INTEGER,
    CHECK ((state = 'pending') = (not_before IS NOT NULL)),
    CHECK ((state = 'sending') = (worker IS NOT NULL)),
    CHECK ((state = 'sending') = (lease_expires_at IS NOT NULL)),
    CHECK ((state IN ('pending', 'sending')) = (closed_at IS NULL)),
    CHECK (head = 0 OR closed_at IS NULL),
    CHECK (state <> 'sending' OR head = 1),
    CHECK (urgent = 0 OR closed_at IS NULL)
) STRICT;
CREATE UNIQUE INDEX deliveries_head ON deliveries (endpoint, job) WHERE head = 1;
CREATE UNIQUE INDEX deliveries_of_job ON deliveries (job, endpoint, sequence);
CREATE INDEX deliveries_due ON deliveries (endpoint, not_before, id) WHERE head = 1 AND state = 'pending';
CREATE INDEX deliveries_by_age ON deliveries (endpoint, created_at, id) WHERE head = 1 AND state = 'pending';
CREATE INDEX deliveries_urgent ON deliveries (endpoint, not_before, id) WHERE urgent = 1 AND head = 1 AND state = 'pending';
CREATE INDEX deliveries_sending ON deliveries (endpoint, lease_expires_at) WHERE state = 'sending';

-- Clustered by delivery: an attempt is only ever found by its delivery.
CREATE TABLE attempts (
    delivery    BLOB NOT NULL REFERENCES deliveries (id),
    started_at  INTEGER NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    number      INTEGER NOT NULL CHECK (number >= 1),
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
    outcome     TEXT NOT NULL,
    ours        INTEGER NOT NULL CHECK (ours IN (0, 1)),
    status      INTEGER CHECK (status BETWEEN 100 AND 999),
    response    BLOB,
    retry_after INTEGER,
    CHECK (ours = 0 OR outcome <> 'ok'),
    PRIMARY KEY (delivery, started_at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_with_response ON attempts (started_at) WHERE response IS NOT NULL;

-- Lists are words parted by commas; an empty one chooses all.
CREATE TABLE replays (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    client       BLOB NOT NULL REFERENCES clients (id),
    endpoint     BLOB NOT NULL REFERENCES endpoints (id),
    since        INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    statuses     TEXT NOT NULL,
    standings    TEXT NOT NULL,
    job          BLOB CHECK (length(job) = 16),
    state        TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    position     INTEGER NOT NULL CHECK (position BETWEEN 0 AND end_position),
    end_position INTEGER NOT NULL,
    examined     INTEGER NOT NULL CHECK (examined >= 0),
    resent       INTEGER NOT NULL CHECK (resent >= 0),
    created      INTEGER NOT NULL CHECK (created >= 0),
    left_alone   INTEGER NOT NULL CHECK (left_alone >= 0),
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK (state <> 'done' OR position = end_position)
) STRICT;
CREATE UNIQUE INDEX replays_running ON replays (endpoint) WHERE state = 'running';
CREATE INDEX replays_of_endpoint ON replays (endpoint, id);
CREATE INDEX replays_by_end ON replays (ended_at) WHERE ended_at IS NOT NULL;
