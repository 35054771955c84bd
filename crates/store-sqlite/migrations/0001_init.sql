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
    -- What is agreed with this client; NULL is as for everybody.
    originals_kept_s INTEGER CHECK (originals_kept_s >= 0),
    results_kept_s   INTEGER CHECK (results_kept_s >= 0),
    jobs_waiting_max INTEGER CHECK (jobs_waiting_max >= 0),
    bytes_stored_max INTEGER CHECK (bytes_stored_max >= 0),
    jobs_per_day_max INTEGER CHECK (jobs_per_day_max >= 0),
    jobs_at_once_max INTEGER CHECK (jobs_at_once_max >= 1),
    weight           INTEGER NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    priority_max     INTEGER NOT NULL DEFAULT 1 CHECK (priority_max BETWEEN -1 AND 1),
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

-- People who sign in to the Manager. A member belongs to a client, an administrator to none.
CREATE TABLE users (
    id                  BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name                TEXT NOT NULL UNIQUE,
    client              BLOB REFERENCES clients (id),
    role                TEXT NOT NULL CHECK (role IN ('administrator', 'member')),
    state               TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    password            TEXT,
    created_at          INTEGER NOT NULL,
    last_sign_in_at     INTEGER,
    password_changed_at INTEGER,
    CHECK ((role = 'member') = (client IS NOT NULL)),
    CHECK ((password IS NULL) = (password_changed_at IS NULL))
) STRICT;

-- Who people are at OpenID Connect providers: the subject stays when the name or the e-mail address changes there.
CREATE TABLE user_identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (user, issuer)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_sessions (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    token        BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    user         BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    user_agent   TEXT NOT NULL,
    address      TEXT
) STRICT;
CREATE INDEX user_sessions_of_user ON user_sessions (user);
CREATE INDEX user_sessions_by_expiry ON user_sessions (expires_at);

-- Links that work once: to choose a password, or, without a user, to make the first administrator.
CREATE TABLE setup_links (
    token      BLOB PRIMARY KEY NOT NULL CHECK (length(token) = 32),
    user       BLOB REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX setup_links_of_user ON setup_links (user);

CREATE TABLE jobs (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    client           BLOB NOT NULL REFERENCES clients (id),
    created_at       INTEGER NOT NULL,
    upload           BLOB NOT NULL CHECK (length(upload) = 16),
    upload_format    TEXT NOT NULL
        CHECK (upload_format IN ('jpeg', 'png', 'webp', 'bmp', 'tiff', 'mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')),
    -- Videos and archives, which are claimed apart from pictures.
    long             INTEGER NOT NULL GENERATED ALWAYS AS
        (upload_format IN ('mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')) STORED,
    upload_bytes     INTEGER NOT NULL CHECK (upload_bytes >= 0),
    upload_sha256    BLOB NOT NULL CHECK (length(upload_sha256) = 32),
    -- The same in all jobs that share an upload. A retired one is about to be deleted: no revision is made of it any more.
    upload_retired   INTEGER NOT NULL DEFAULT 0 CHECK (upload_retired IN (0, 1)),
    upload_deleted   INTEGER NOT NULL DEFAULT 0 CHECK (upload_deleted IN (0, 1)),
    file_name        TEXT NOT NULL,
    -- The first job on the upload, of which this one is a revision.
    revises          BLOB REFERENCES jobs (id),
    revision         INTEGER CHECK (revision >= 1),
    options          TEXT NOT NULL,
    priority         INTEGER NOT NULL CHECK (priority BETWEEN -1 AND 1),
    given_bytes      INTEGER CHECK (given_bytes >= 0),
    given_sha256     BLOB CHECK (length(given_sha256) = 32),
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
    CHECK (upload_deleted = 0 OR upload_retired = 1),
    CHECK (upload_retired = 0 OR finished_at IS NOT NULL),
    CHECK ((revises IS NULL) = (revision IS NULL)),
    CHECK ((given_bytes IS NULL) = (given_sha256 IS NULL)),
    CHECK (given_sha256 IS NULL OR revises IS NOT NULL),
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
-- Lists go by age, which is the order of identifiers, within a state or over all; a name is sought in an index that holds
-- it, without reading the jobs themselves.
CREATE INDEX jobs_of_client ON jobs (client, state, id);
CREATE INDEX jobs_in_state ON jobs (state, id);
CREATE INDEX jobs_long ON jobs (id) WHERE long = 1;
CREATE INDEX jobs_by_name ON jobs (id, client, file_name);
-- An upload has one first job, and no two revisions with one number.
CREATE UNIQUE INDEX jobs_of_upload ON jobs (upload, ifnull(revision, 0));
-- A job is looked for among what refers to jobs when one is written, since triggers write with it.
CREATE INDEX jobs_revising ON jobs (revises) WHERE revises IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_result ON jobs (result) WHERE result IS NOT NULL;
CREATE INDEX jobs_queued ON jobs (long, client, priority DESC, created_at, id, available_at) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_with_original ON jobs (client, finished_at) WHERE upload_deleted = 0 AND finished_at IS NOT NULL;
CREATE INDEX jobs_with_result ON jobs (client, finished_at) WHERE state = 'succeeded';

-- Whose turn it was, for pictures and for what is long: the virtual time (core's `fair`) at which each client's last turn began
-- and ended.
CREATE TABLE turns (
    client BLOB NOT NULL REFERENCES clients (id),
    long   INTEGER NOT NULL CHECK (long IN (0, 1)),
    start  INTEGER NOT NULL CHECK (start >= 0),
    finish INTEGER NOT NULL CHECK (finish >= start),
    PRIMARY KEY (client, long)
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_by_start ON turns (long, start);

-- What clients call requests that make a job, so that each is carried out once. Forgotten after a day.
CREATE TABLE idempotency_keys (
    client     BLOB NOT NULL REFERENCES clients (id),
    key        TEXT NOT NULL,
    request    BLOB NOT NULL CHECK (length(request) = 32),
    job        BLOB NOT NULL CHECK (length(job) = 16),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Parts of long videos that are not done, for whoever has time. Who holds one has a lease; the number of claims is its token.
CREATE TABLE parts (
    job              BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number           INTEGER NOT NULL CHECK (number >= 0),
    claims           INTEGER NOT NULL CHECK (claims >= 0),
    worker           BLOB CHECK (length(worker) = 16),
    lease_expires_at INTEGER,
    -- A helper has failed it: its owner is to do it, whose attempts are counted.
    left_to_owner    INTEGER NOT NULL CHECK (left_to_owner IN (0, 1)),
    PRIMARY KEY (job, number),
    CHECK ((worker IS NULL) = (lease_expires_at IS NULL)),
    CHECK (worker IS NULL OR claims > 0)
) STRICT, WITHOUT ROWID;

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
    -- Sealed with a key that is not in the database: a version, 8 bytes that name the key, 12 of nonce, the text, 16 of tag.
    token                BLOB NOT NULL CHECK (length(token) > 37),
    old_token            BLOB CHECK (length(old_token) > 37),
    old_token_until      INTEGER,
    signing_secret       BLOB NOT NULL CHECK (length(signing_secret) > 37),
    old_secret           BLOB CHECK (length(old_secret) > 37),
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
CREATE INDEX endpoints_troubled ON endpoints (failing_since)
    WHERE deleted_at IS NULL AND (state = 'held' OR failing_since IS NOT NULL);
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
    -- Microseconds of name resolution, connection, TLS, headers and body, parted by commas; NULL where nothing was reached.
    phases      TEXT,
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

-- What there is now and has been in all, client by client. Triggers keep it, so that no way of changing a job passes it by;
-- counting 100,000 jobs whenever somebody looks would be too slow.
CREATE TABLE client_totals (
    client         BLOB PRIMARY KEY NOT NULL REFERENCES clients (id),
    queued         INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    running        INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded      INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed         INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    cancelled      INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    expired        INTEGER NOT NULL DEFAULT 0 CHECK (expired >= 0),
    original_bytes INTEGER NOT NULL DEFAULT 0 CHECK (original_bytes >= 0),
    result_bytes   INTEGER NOT NULL DEFAULT 0 CHECK (result_bytes >= 0),
    faces          INTEGER NOT NULL DEFAULT 0,
    plates         INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What happened to jobs, hour by hour since 1970 UTC. Jobs that ended are counted in the hour of their end.
CREATE TABLE job_hours (
    hour      INTEGER NOT NULL,
    client    BLOB NOT NULL REFERENCES clients (id),
    submitted INTEGER NOT NULL DEFAULT 0,
    bytes_in  INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed    INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    worked_on INTEGER NOT NULL DEFAULT 0,
    waited_ms INTEGER NOT NULL DEFAULT 0,
    worked_ms INTEGER NOT NULL DEFAULT 0,
    faces     INTEGER NOT NULL DEFAULT 0,
    plates    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, client)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_hours_of_client ON job_hours (client, hour);

-- Several jobs may have one original: it is counted with the first and until the last has none.
CREATE TRIGGER jobs_are_counted AFTER INSERT ON jobs
BEGIN
    INSERT INTO client_totals (client, queued, running, succeeded, failed, cancelled, expired, original_bytes)
    VALUES (
        NEW.client, NEW.state = 'queued', NEW.state = 'running', NEW.state = 'succeeded', NEW.state = 'failed',
        NEW.state = 'cancelled', NEW.state = 'expired',
        iif(
            NEW.upload_deleted = 1
                OR EXISTS (SELECT 1 FROM jobs WHERE upload = NEW.upload AND id <> NEW.id AND upload_deleted = 0),
            0, NEW.upload_bytes
        )
    )
    ON CONFLICT DO UPDATE
    SET queued = queued + excluded.queued,
        running = running + excluded.running,
        succeeded = succeeded + excluded.succeeded,
        failed = failed + excluded.failed,
        cancelled = cancelled + excluded.cancelled,
        expired = expired + excluded.expired,
        original_bytes = original_bytes + excluded.original_bytes;
    INSERT INTO job_hours (hour, client, submitted, bytes_in)
    VALUES (NEW.created_at / 3600000000, NEW.client, 1, iif(NEW.revises IS NULL, NEW.upload_bytes, 0))
    ON CONFLICT DO UPDATE
    SET submitted = submitted + 1, bytes_in = bytes_in + excluded.bytes_in;
END;

CREATE TRIGGER jobs_are_counted_where_they_stand AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state
BEGIN
    UPDATE client_totals
    SET queued = queued + (NEW.state = 'queued') - (OLD.state = 'queued'),
        running = running + (NEW.state = 'running') - (OLD.state = 'running'),
        succeeded = succeeded + (NEW.state = 'succeeded') - (OLD.state = 'succeeded'),
        failed = failed + (NEW.state = 'failed') - (OLD.state = 'failed'),
        cancelled = cancelled + (NEW.state = 'cancelled') - (OLD.state = 'cancelled'),
        expired = expired + (NEW.state = 'expired') - (OLD.state = 'expired'),
        result_bytes = result_bytes
            + iif(NEW.state = 'succeeded', NEW.result_bytes + coalesce(NEW.document_bytes, 0), 0)
            - iif(OLD.state = 'succeeded', OLD.result_bytes + coalesce(OLD.document_bytes, 0), 0),
        faces = faces + iif(NEW.state = 'succeeded', NEW.faces, 0),
        plates = plates + iif(NEW.state = 'succeeded', NEW.plates, 0)
    WHERE client = NEW.client;
END;

CREATE TRIGGER jobs_are_counted_when_they_end AFTER UPDATE OF state ON jobs
WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
BEGIN
    INSERT INTO job_hours (
        hour, client, succeeded, failed, cancelled, worked_on, waited_ms, worked_ms, faces, plates
    )
    VALUES (
        NEW.finished_at / 3600000000, NEW.client,
        NEW.state = 'succeeded', NEW.state = 'failed', NEW.state = 'cancelled',
        NEW.started_at IS NOT NULL,
        coalesce(max(NEW.started_at - NEW.created_at, 0) / 1000, 0),
        coalesce(max(NEW.finished_at - NEW.started_at, 0) / 1000, 0),
        coalesce(NEW.faces, 0), coalesce(NEW.plates, 0)
    )
    ON CONFLICT DO UPDATE
    SET succeeded = succeeded + excluded.succeeded,
        failed = failed + excluded.failed,
        cancelled = cancelled + excluded.cancelled,
        worked_on = worked_on + excluded.worked_on,
        waited_ms = waited_ms + excluded.waited_ms,
        worked_ms = worked_ms + excluded.worked_ms,
        faces = faces + excluded.faces,
        plates = plates + excluded.plates;
END;

CREATE TRIGGER deleted_originals_are_not_counted AFTER UPDATE OF upload_deleted ON jobs
WHEN OLD.upload_deleted = 0 AND NEW.upload_deleted = 1
     AND NOT EXISTS (SELECT 1 FROM jobs WHERE upload = NEW.upload AND upload_deleted = 0)
BEGIN
    UPDATE client_totals
    SET original_bytes = original_bytes - NEW.upload_bytes
    WHERE client = NEW.client;
END;

-- How attempts at an endpoint went, hour by hour; an upsert for each endpoint in each transaction that records attempts. The
-- classes of latency are those of the domain, in their order.
CREATE TABLE attempt_hours (
    endpoint    BLOB NOT NULL REFERENCES endpoints (id),
    hour        INTEGER NOT NULL,
    delivered   INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    class_0     INTEGER NOT NULL,
    class_1     INTEGER NOT NULL,
    class_2     INTEGER NOT NULL,
    class_3     INTEGER NOT NULL,
    class_4     INTEGER NOT NULL,
    class_5     INTEGER NOT NULL,
    class_6     INTEGER NOT NULL,
    class_7     INTEGER NOT NULL,
    class_8     INTEGER NOT NULL,
    class_9     INTEGER NOT NULL,
    class_10    INTEGER NOT NULL,
    class_11    INTEGER NOT NULL,
    PRIMARY KEY (endpoint, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_hours_by_age ON attempt_hours (hour);

-- Who did what. `actor` and `subject` are identifiers of any kind, of things that may be gone.
CREATE TABLE audit (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    at           INTEGER NOT NULL,
    actor_kind   TEXT NOT NULL CHECK (actor_kind IN ('user', 'client', 'operator', 'stranger', 'system')),
    actor        BLOB CHECK (length(actor) = 16),
    actor_name   TEXT NOT NULL,
    action       TEXT NOT NULL,
    subject_kind TEXT,
    subject      BLOB CHECK (length(subject) = 16),
    client       BLOB REFERENCES clients (id),
    detail       TEXT NOT NULL,
    address      TEXT,
    CHECK ((actor IS NOT NULL) = (actor_kind IN ('user', 'client'))),
    CHECK ((subject IS NULL) = (subject_kind IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_of_client ON audit (client, id);
CREATE INDEX audit_of_actor ON audit (actor, id);
CREATE INDEX audit_of_subject ON audit (subject, id);

CREATE TRIGGER audit_entries_stay_as_they_are BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'entries of the audit log are only added');
END;
