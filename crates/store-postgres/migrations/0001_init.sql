-- The tables and columns of the store on SQLite, so that rows can be copied from one to the other. Identifiers are UUIDs,
-- numbers are bigint, times are microseconds since 1970 UTC, hashes are SHA-256, and text is JSON where the domain reads it
-- as such. The CHECK constraints repeat the state machines of the domain: a row that breaks them cannot be written by any
-- version of the program.
--
-- Many write at once here. Whoever changes what has to be in step with something else locks it first (`src/locks/`), and no
-- trigger locks a row.

CREATE TABLE clients (
    id              uuid PRIMARY KEY,
    key             text NOT NULL UNIQUE,
    name            text NOT NULL,
    state           text NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at      bigint NOT NULL,
    secret          bytea NOT NULL CHECK (octet_length(secret) = 32),
    previous_secret bytea CHECK (octet_length(previous_secret) = 32),
    previous_until  bigint,
    -- What is agreed with this client; NULL is as for everybody.
    originals_kept_s bigint CHECK (originals_kept_s >= 0),
    results_kept_s   bigint CHECK (results_kept_s >= 0),
    jobs_waiting_max bigint CHECK (jobs_waiting_max >= 0),
    bytes_stored_max bigint CHECK (bytes_stored_max >= 0),
    jobs_per_day_max bigint CHECK (jobs_per_day_max >= 0),
    jobs_at_once_max bigint CHECK (jobs_at_once_max >= 1),
    weight           bigint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    priority_max     bigint NOT NULL DEFAULT 1 CHECK (priority_max BETWEEN -1 AND 1),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);

CREATE TABLE logins (
    id         uuid PRIMARY KEY,
    client     uuid NOT NULL REFERENCES clients (id),
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX logins_of_client ON logins (client);
CREATE INDEX logins_by_age ON logins (created_at);

CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    login      uuid NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    expires_at bigint NOT NULL,
    rotated_at bigint
);
CREATE INDEX refresh_tokens_of_login ON refresh_tokens (login);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- People who sign in to the Manager. A member belongs to a client, an administrator to none.
CREATE TABLE users (
    id                  uuid PRIMARY KEY,
    -- In the order of its bytes, whatever the language of the database.
    name                text COLLATE "C" NOT NULL UNIQUE,
    client              uuid REFERENCES clients (id),
    role                text NOT NULL CHECK (role IN ('administrator', 'member')),
    state               text NOT NULL CHECK (state IN ('active', 'disabled')),
    password            text,
    created_at          bigint NOT NULL,
    last_sign_in_at     bigint,
    password_changed_at bigint,
    CHECK ((role = 'member') = (client IS NOT NULL)),
    CHECK ((password IS NULL) = (password_changed_at IS NULL))
);

-- Who people are at OpenID Connect providers: the subject stays when the name or the e-mail address changes there.
CREATE TABLE user_identities (
    issuer     text COLLATE "C" NOT NULL,
    subject    text COLLATE "C" NOT NULL,
    "user"     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE ("user", issuer)
);

CREATE TABLE user_sessions (
    id           uuid PRIMARY KEY,
    token        bytea NOT NULL UNIQUE CHECK (octet_length(token) = 32),
    "user"       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at   bigint NOT NULL,
    user_agent   text NOT NULL,
    address      text
);
CREATE INDEX user_sessions_of_user ON user_sessions ("user");
CREATE INDEX user_sessions_by_expiry ON user_sessions (expires_at);

-- Links that work once: to choose a password, or, without a user, to make the first administrator.
CREATE TABLE setup_links (
    token      bytea PRIMARY KEY CHECK (octet_length(token) = 32),
    "user"     uuid REFERENCES users (id) ON DELETE CASCADE,
    expires_at bigint NOT NULL
);
CREATE INDEX setup_links_of_user ON setup_links ("user");

CREATE TABLE jobs (
    id               uuid PRIMARY KEY,
    client           uuid NOT NULL REFERENCES clients (id),
    created_at       bigint NOT NULL,
    upload           uuid NOT NULL,
    upload_format    text NOT NULL
        CHECK (upload_format IN ('jpeg', 'png', 'webp', 'bmp', 'tiff', 'mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')),
    -- Videos and archives, which are claimed apart from pictures.
    long             boolean NOT NULL GENERATED ALWAYS AS
        (upload_format IN ('mp4', 'mov', 'avi', 'mkv', 'webm', 'zip')) STORED,
    upload_bytes     bigint NOT NULL CHECK (upload_bytes >= 0),
    upload_sha256    bytea NOT NULL CHECK (octet_length(upload_sha256) = 32),
    -- The same in all jobs that share an upload. A retired one is about to be deleted: no revision is made of it any more.
    upload_retired   boolean NOT NULL DEFAULT false,
    upload_deleted   boolean NOT NULL DEFAULT false,
    file_name        text NOT NULL,
    -- The first job on the upload, of which this one is a revision.
    revises          uuid REFERENCES jobs (id),
    revision         bigint CHECK (revision >= 1),
    options          text NOT NULL,
    priority         bigint NOT NULL CHECK (priority BETWEEN -1 AND 1),
    given_bytes      bigint CHECK (given_bytes >= 0),
    given_sha256     bytea CHECK (octet_length(given_sha256) = 32),
    attempts         bigint NOT NULL CHECK (attempts >= 0),
    claims           bigint NOT NULL CHECK (claims >= attempts),
    started_at       bigint,
    state            text NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired')),
    available_at     bigint,
    worker           uuid,
    lease_expires_at bigint,
    progress         double precision CHECK (progress BETWEEN 0 AND 1),
    expected_end_at  bigint,
    finished_at      bigint,
    error            text,
    expired_at       bigint,
    result           uuid,
    result_format    text,
    result_bytes     bigint,
    result_sha256    bytea CHECK (octet_length(result_sha256) = 32),
    document_bytes   bigint,
    document_sha256  bytea CHECK (octet_length(document_sha256) = 32),
    faces            bigint,
    plates           bigint,
    warnings         text,
    CHECK (NOT upload_deleted OR upload_retired),
    CHECK (NOT upload_retired OR finished_at IS NOT NULL),
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
);
-- Lists go by age, which is the order of identifiers, within a state or over all; a name is sought in an index that holds
-- it, without reading the jobs themselves.
CREATE INDEX jobs_of_client ON jobs (client, state, id);
CREATE INDEX jobs_in_state ON jobs (state, id);
CREATE INDEX jobs_long ON jobs (id) WHERE long;
CREATE INDEX jobs_by_name ON jobs (id, client, file_name);
-- An upload has one first job, and no two revisions with one number.
CREATE UNIQUE INDEX jobs_of_upload ON jobs (upload, coalesce(revision, 0));
CREATE INDEX jobs_revising ON jobs (revises) WHERE revises IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_result ON jobs (result) WHERE result IS NOT NULL;
CREATE INDEX jobs_queued ON jobs (long, client, priority DESC, created_at, id, available_at) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_with_original ON jobs (client, finished_at) WHERE NOT upload_deleted AND finished_at IS NOT NULL;
CREATE INDEX jobs_with_result ON jobs (client, finished_at) WHERE state = 'succeeded';

-- Whose turn it was, for pictures and for what is long: the virtual time (core's `fair`) at which each client's last turn began
-- and ended. Claims take turns, too: one at a time reads and writes them (`lock_queue.sql`).
CREATE TABLE turns (
    client uuid NOT NULL REFERENCES clients (id),
    long   boolean NOT NULL,
    start  bigint NOT NULL CHECK (start >= 0),
    finish bigint NOT NULL CHECK (finish >= start),
    PRIMARY KEY (client, long)
);
CREATE INDEX turns_by_start ON turns (long, start);

-- What clients call requests that make a job, so that each is carried out once. Forgotten after a day.
CREATE TABLE idempotency_keys (
    client     uuid NOT NULL REFERENCES clients (id),
    key        text COLLATE "C" NOT NULL,
    request    bytea NOT NULL CHECK (length(request) = 32),
    job        uuid NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Parts of long videos that are not done, for whoever has time. Who holds one has a lease; the number of claims is its token.
CREATE TABLE parts (
    job              uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number           bigint NOT NULL CHECK (number >= 0),
    claims           bigint NOT NULL CHECK (claims >= 0),
    worker           uuid,
    lease_expires_at bigint,
    -- A helper has failed it: its owner is to do it, whose attempts are counted.
    left_to_owner    boolean NOT NULL,
    PRIMARY KEY (job, number),
    CHECK ((worker IS NULL) = (lease_expires_at IS NULL)),
    CHECK (worker IS NULL OR claims > 0)
);

-- The position is what a cursor counts in. Whoever draws a lower one may commit later, so that a number alone is no order of
-- commits: it is drawn under a lock that writers of a client's events share (`share_client.sql`), and whoever reads by position
-- first waits until nobody holds it (`lock_client.sql`). A reader who has seen a position never meets a lower one of the same
-- client that is new. BY DEFAULT, so that events can be copied with their positions. No index has the position alone: one
-- that follows it would be taken to find a page of a client who has few events among those of all others.
CREATE TABLE events (
    position bigint GENERATED BY DEFAULT AS IDENTITY,
    id       uuid NOT NULL UNIQUE,
    client   uuid NOT NULL REFERENCES clients (id),
    job      uuid NOT NULL REFERENCES jobs (id),
    sequence bigint NOT NULL CHECK (sequence >= 1),
    status   text NOT NULL CHECK (status IN ('Sent', 'Started', 'Succeeded', 'Failed')),
    at       bigint NOT NULL,
    PRIMARY KEY (client, position),
    UNIQUE (job, sequence)
);

-- A deleted endpoint stays as a row, so that the history of its deliveries stays readable; its client sees it no more. Pages
-- are left half empty, because a row is written with every attempt and a place beside it spares the indexes.
CREATE TABLE endpoints (
    id                   uuid PRIMARY KEY,
    client               uuid NOT NULL REFERENCES clients (id),
    url                  text NOT NULL,
    description          text,
    ack                  text NOT NULL CHECK (ack IN ('strict', 'status')),
    keep_responses       boolean NOT NULL,
    -- Sealed with a key that is not in the database: a version, 8 bytes that name the key, 12 of nonce, the text, 16 of tag.
    token                bytea NOT NULL CHECK (octet_length(token) > 37),
    old_token            bytea CHECK (octet_length(old_token) > 37),
    old_token_until      bigint,
    signing_secret       bytea NOT NULL CHECK (octet_length(signing_secret) > 37),
    old_secret           bytea CHECK (octet_length(old_secret) > 37),
    old_secret_until     bigint,
    state                text NOT NULL CHECK (state IN ('active', 'held', 'disabled')),
    held_since           bigint,
    held_reason          text CHECK (held_reason IN ('failing', 'gone')),
    next_probe_at        bigint,
    consecutive_failures bigint NOT NULL CHECK (consecutive_failures >= 0),
    failing_since        bigint,
    last_success_at      bigint,
    paused_until         bigint,
    warned               text CHECK (warned IN ('hour', 'day', 'last_half_day')),
    recovering_since     bigint,
    overflowed           bigint NOT NULL DEFAULT 0 CHECK (overflowed >= 0),
    created_at           bigint NOT NULL,
    updated_at           bigint NOT NULL,
    deleted_at           bigint,
    CHECK ((state = 'held') = (held_since IS NOT NULL)),
    CHECK ((state = 'held') = (held_reason IS NOT NULL)),
    CHECK ((state = 'held') = (next_probe_at IS NOT NULL)),
    CHECK ((consecutive_failures = 0) = (failing_since IS NULL)),
    CHECK ((old_token IS NULL) = (old_token_until IS NULL)),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX endpoints_of_client ON endpoints (client, id) WHERE deleted_at IS NULL;
CREATE INDEX endpoints_troubled ON endpoints (failing_since NULLS FIRST)
    WHERE deleted_at IS NULL AND (state = 'held' OR failing_since IS NOT NULL);
CREATE INDEX endpoints_rotating ON endpoints (id) WHERE old_token IS NOT NULL OR old_secret IS NOT NULL;

-- `head` marks the first open delivery of each job and endpoint, the only one that may be sent: kept up to date by every
-- transaction that adds or closes one, under the lock of the job's row (`lock_jobs.sql`), because finding it by a window over
-- 100,000 waiting rows is too slow. `sequence` and `status` repeat the event's, so that a claim reads no second table.
CREATE TABLE deliveries (
    id               uuid PRIMARY KEY,
    event            uuid NOT NULL REFERENCES events (id),
    client           uuid NOT NULL REFERENCES clients (id),
    job              uuid NOT NULL REFERENCES jobs (id),
    endpoint         uuid NOT NULL REFERENCES endpoints (id),
    sequence         bigint NOT NULL CHECK (sequence >= 1),
    status           text NOT NULL CHECK (status IN ('Sent', 'Started', 'Succeeded', 'Failed')),
    head             boolean NOT NULL,
    attempts         bigint NOT NULL CHECK (attempts >= 0),
    failures         bigint NOT NULL CHECK (failures >= 0),
    claims           bigint NOT NULL CHECK (claims >= attempts),
    created_at       bigint NOT NULL,
    opened_at        bigint NOT NULL CHECK (opened_at >= created_at),
    tried_at         bigint,
    urgent           boolean NOT NULL DEFAULT false,
    state            text NOT NULL
        CHECK (state IN ('pending', 'sending', 'delivered', 'superseded', 'expired', 'dropped')),
    not_before       bigint,
    worker           uuid,
    lease_expires_at bigint,
    closed_at        bigint,
    CHECK ((state = 'pending') = (not_before IS NOT NULL)),
    CHECK ((state = 'sending') = (worker IS NOT NULL)),
    CHECK ((state = 'sending') = (lease_expires_at IS NOT NULL)),
    CHECK ((state IN ('pending', 'sending')) = (closed_at IS NULL)),
    CHECK (NOT head OR closed_at IS NULL),
    CHECK (state <> 'sending' OR head),
    CHECK (NOT urgent OR closed_at IS NULL)
);
CREATE UNIQUE INDEX deliveries_head ON deliveries (endpoint, job) WHERE head;
CREATE UNIQUE INDEX deliveries_of_job ON deliveries (job, endpoint, sequence);
CREATE INDEX deliveries_due ON deliveries (endpoint, not_before, id) WHERE head AND state = 'pending';
CREATE INDEX deliveries_by_age ON deliveries (endpoint, created_at, id) WHERE head AND state = 'pending';
CREATE INDEX deliveries_urgent ON deliveries (endpoint, not_before, id) WHERE urgent AND head AND state = 'pending';
CREATE INDEX deliveries_sending ON deliveries (endpoint, lease_expires_at) WHERE state = 'sending';

CREATE TABLE attempts (
    delivery    uuid NOT NULL REFERENCES deliveries (id),
    started_at  bigint NOT NULL,
    id          uuid NOT NULL,
    number      bigint NOT NULL CHECK (number >= 1),
    duration_ms bigint NOT NULL CHECK (duration_ms >= 0),
    -- Microseconds of name resolution, connection, TLS, headers and body, parted by commas; NULL where nothing was reached.
    phases      text,
    outcome     text NOT NULL,
    ours        boolean NOT NULL,
    status      bigint CHECK (status BETWEEN 100 AND 999),
    response    bytea,
    retry_after bigint,
    CHECK (NOT ours OR outcome <> 'ok'),
    PRIMARY KEY (delivery, started_at, id)
);
CREATE INDEX attempts_with_response ON attempts (started_at) WHERE response IS NOT NULL;

-- Lists are words parted by commas; an empty one chooses all.
CREATE TABLE replays (
    id           uuid PRIMARY KEY,
    client       uuid NOT NULL REFERENCES clients (id),
    endpoint     uuid NOT NULL REFERENCES endpoints (id),
    since        bigint NOT NULL,
    until        bigint NOT NULL,
    statuses     text NOT NULL,
    standings    text NOT NULL,
    job          uuid,
    state        text NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    position     bigint NOT NULL CHECK (position BETWEEN 0 AND end_position),
    end_position bigint NOT NULL,
    examined     bigint NOT NULL CHECK (examined >= 0),
    resent       bigint NOT NULL CHECK (resent >= 0),
    created      bigint NOT NULL CHECK (created >= 0),
    left_alone   bigint NOT NULL CHECK (left_alone >= 0),
    created_at   bigint NOT NULL,
    ended_at     bigint,
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK (state <> 'done' OR position = end_position)
);
CREATE UNIQUE INDEX replays_running ON replays (endpoint) WHERE state = 'running';
CREATE INDEX replays_of_endpoint ON replays (endpoint, id);
CREATE INDEX replays_by_end ON replays (ended_at) WHERE ended_at IS NOT NULL;

-- What there is now and has been in all, client by client. Triggers keep it, so that no way of changing a job passes it by;
-- counting 100,000 jobs whenever somebody looks would be too slow.
--
-- A row is a difference, and what is asked for is the sum of a client's rows, which is why there is no key and why a number
-- may be negative. One row for each client would be locked by whoever changes one of its jobs until the commit: everybody
-- would wait for everybody, and two who change jobs of two clients could wait for each other. Rows are melted into one from
-- time to time (`src/counters/`). The client is that of a job, which refers to it.
CREATE TABLE client_totals (
    client         uuid NOT NULL,
    queued         bigint NOT NULL DEFAULT 0,
    running        bigint NOT NULL DEFAULT 0,
    succeeded      bigint NOT NULL DEFAULT 0,
    failed         bigint NOT NULL DEFAULT 0,
    cancelled      bigint NOT NULL DEFAULT 0,
    expired        bigint NOT NULL DEFAULT 0,
    original_bytes bigint NOT NULL DEFAULT 0,
    result_bytes   bigint NOT NULL DEFAULT 0,
    faces          bigint NOT NULL DEFAULT 0,
    plates         bigint NOT NULL DEFAULT 0
);
CREATE INDEX client_totals_of_client ON client_totals (client);

-- What happened to jobs, hour by hour since 1970 UTC. Jobs that ended are counted in the hour of their end. The rows are
-- differences, as in client_totals.
CREATE TABLE job_hours (
    hour      bigint NOT NULL,
    client    uuid NOT NULL,
    submitted bigint NOT NULL DEFAULT 0,
    bytes_in  bigint NOT NULL DEFAULT 0,
    succeeded bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    worked_on bigint NOT NULL DEFAULT 0,
    waited_ms bigint NOT NULL DEFAULT 0,
    worked_ms bigint NOT NULL DEFAULT 0,
    faces     bigint NOT NULL DEFAULT 0,
    plates    bigint NOT NULL DEFAULT 0
);
CREATE INDEX job_hours_by_age ON job_hours (hour, client);
CREATE INDEX job_hours_of_client ON job_hours (client, hour);

-- Several jobs may have one original: it is counted with the first job on it. Whether it is deleted is the same in all of
-- them, and the first is always there.
CREATE FUNCTION count_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO client_totals (client, queued, running, succeeded, failed, cancelled, expired, original_bytes)
    VALUES (
        NEW.client,
        (NEW.state = 'queued')::integer, (NEW.state = 'running')::integer, (NEW.state = 'succeeded')::integer,
        (NEW.state = 'failed')::integer, (NEW.state = 'cancelled')::integer, (NEW.state = 'expired')::integer,
        CASE WHEN NEW.revises IS NULL AND NOT NEW.upload_deleted THEN NEW.upload_bytes ELSE 0 END
    );
    INSERT INTO job_hours (hour, client, submitted, bytes_in)
    VALUES (
        NEW.created_at / 3600000000, NEW.client, 1,
        CASE WHEN NEW.revises IS NULL THEN NEW.upload_bytes ELSE 0 END
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER jobs_are_counted AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION count_job();

CREATE FUNCTION count_job_where_it_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO client_totals (
        client, queued, running, succeeded, failed, cancelled, expired, result_bytes, faces, plates
    )
    VALUES (
        NEW.client,
        (NEW.state = 'queued')::integer - (OLD.state = 'queued')::integer,
        (NEW.state = 'running')::integer - (OLD.state = 'running')::integer,
        (NEW.state = 'succeeded')::integer - (OLD.state = 'succeeded')::integer,
        (NEW.state = 'failed')::integer - (OLD.state = 'failed')::integer,
        (NEW.state = 'cancelled')::integer - (OLD.state = 'cancelled')::integer,
        (NEW.state = 'expired')::integer - (OLD.state = 'expired')::integer,
        CASE WHEN NEW.state = 'succeeded' THEN NEW.result_bytes + coalesce(NEW.document_bytes, 0) ELSE 0 END
            - CASE WHEN OLD.state = 'succeeded' THEN OLD.result_bytes + coalesce(OLD.document_bytes, 0) ELSE 0 END,
        CASE WHEN NEW.state = 'succeeded' THEN NEW.faces ELSE 0 END,
        CASE WHEN NEW.state = 'succeeded' THEN NEW.plates ELSE 0 END
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER jobs_are_counted_where_they_stand AFTER UPDATE OF state ON jobs
FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION count_job_where_it_stands();

CREATE FUNCTION count_job_when_it_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_hours (
        hour, client, succeeded, failed, cancelled, worked_on, waited_ms, worked_ms, faces, plates
    )
    VALUES (
        NEW.finished_at / 3600000000, NEW.client,
        (NEW.state = 'succeeded')::integer, (NEW.state = 'failed')::integer, (NEW.state = 'cancelled')::integer,
        (NEW.started_at IS NOT NULL)::integer,
        CASE WHEN NEW.started_at IS NULL THEN 0 ELSE greatest(NEW.started_at - NEW.created_at, 0) / 1000 END,
        CASE WHEN NEW.started_at IS NULL THEN 0 ELSE greatest(NEW.finished_at - NEW.started_at, 0) / 1000 END,
        coalesce(NEW.faces, 0), coalesce(NEW.plates, 0)
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER jobs_are_counted_when_they_end AFTER UPDATE OF state ON jobs
FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION count_job_when_it_ends();

CREATE FUNCTION count_deleted_original() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO client_totals (client, original_bytes)
    VALUES (NEW.client, -NEW.upload_bytes);
    RETURN NULL;
END;
$$;

CREATE TRIGGER deleted_originals_are_not_counted AFTER UPDATE OF upload_deleted ON jobs
FOR EACH ROW WHEN (NOT OLD.upload_deleted AND NEW.upload_deleted AND NEW.revises IS NULL)
EXECUTE FUNCTION count_deleted_original();

-- How attempts at an endpoint went, hour by hour; an upsert for each endpoint in each transaction that records attempts. The
-- classes of latency are those of the domain, in their order.
CREATE TABLE attempt_hours (
    endpoint    uuid NOT NULL REFERENCES endpoints (id),
    hour        bigint NOT NULL,
    delivered   bigint NOT NULL,
    failed      bigint NOT NULL,
    duration_ms bigint NOT NULL,
    class_0     bigint NOT NULL,
    class_1     bigint NOT NULL,
    class_2     bigint NOT NULL,
    class_3     bigint NOT NULL,
    class_4     bigint NOT NULL,
    class_5     bigint NOT NULL,
    class_6     bigint NOT NULL,
    class_7     bigint NOT NULL,
    class_8     bigint NOT NULL,
    class_9     bigint NOT NULL,
    class_10    bigint NOT NULL,
    class_11    bigint NOT NULL,
    PRIMARY KEY (endpoint, hour)
);
CREATE INDEX attempt_hours_by_age ON attempt_hours (hour);

-- Who did what. `actor` and `subject` are identifiers of any kind, of things that may be gone.
CREATE TABLE audit (
    id           uuid PRIMARY KEY,
    at           bigint NOT NULL,
    actor_kind   text NOT NULL CHECK (actor_kind IN ('user', 'client', 'operator', 'stranger', 'system')),
    actor        uuid,
    actor_name   text NOT NULL,
    action       text NOT NULL,
    subject_kind text,
    subject      uuid,
    client       uuid REFERENCES clients (id),
    detail       text NOT NULL,
    address      text,
    CHECK ((actor IS NOT NULL) = (actor_kind IN ('user', 'client'))),
    CHECK ((subject IS NULL) = (subject_kind IS NULL))
);
CREATE INDEX audit_of_client ON audit (client, id);
CREATE INDEX audit_of_actor ON audit (actor, id);
CREATE INDEX audit_of_subject ON audit (subject, id);

CREATE FUNCTION refuse_to_change_the_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit log are only added';
END;
$$;

CREATE TRIGGER audit_entries_stay_as_they_are BEFORE UPDATE ON audit
FOR EACH ROW EXECUTE FUNCTION refuse_to_change_the_audit_log();
