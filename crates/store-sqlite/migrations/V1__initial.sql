-- Times are milliseconds since 1970 (UTC): `datetime(created_at / 1000, 'unixepoch')` shows one.
-- Ids of sessions and tasks are UUIDs of 16 bytes: `lower(hex(id))` shows one, `x'…'` writes one.
-- `seq` is the order in which rows were recorded. Every index is used by name in src/sql; those on `created_at` carry
-- `seq` because lists are ordered by both, and the filter columns behind it so that they can be counted in the index.

CREATE TABLE sessions (
    seq            INTEGER PRIMARY KEY,
    id             BLOB    NOT NULL CHECK (length(id) = 16),
    project_id     TEXT    NOT NULL,
    machine_id     TEXT    NOT NULL,
    docker_slot    INTEGER CHECK (docker_slot BETWEEN 0 AND 65535),
    status         TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'stalled', 'completed', 'failed')),
    last_heartbeat INTEGER NOT NULL,
    current_task   TEXT,
    started_at     INTEGER NOT NULL,
    completed_at   INTEGER,
    archived_at    INTEGER,
    error_message  TEXT,
    prepared_at    INTEGER,
    recovered_into BLOB CHECK (length(recovered_into) = 16),
    recovered_at   INTEGER,
    lineage_id     BLOB    NOT NULL CHECK (length(lineage_id) = 16),
    attempt        INTEGER NOT NULL CHECK (attempt >= 0),
    recovered_from BLOB CHECK (length(recovered_from) = 16),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    revision       INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    touches        INTEGER NOT NULL DEFAULT 0 CHECK (touches >= 0),
    metadata       TEXT    NOT NULL DEFAULT '{}',

    CONSTRAINT ended_has_a_time CHECK ((status IN ('completed', 'failed')) = (completed_at IS NOT NULL)),
    CONSTRAINT ended_has_no_task CHECK (completed_at IS NULL OR current_task IS NULL),
    CONSTRAINT archived_has_ended CHECK (archived_at IS NULL OR completed_at IS NOT NULL),
    CONSTRAINT failed_says_why CHECK (status <> 'failed' OR error_message IS NOT NULL),
    CONSTRAINT none_prepares_to_recover_the_well CHECK (prepared_at IS NULL OR status NOT IN ('active', 'paused')),
    CONSTRAINT recovery_is_whole CHECK ((recovered_into IS NULL) = (recovered_at IS NULL)),
    CONSTRAINT recovered_is_completed CHECK (recovered_into IS NULL OR status = 'completed')
) STRICT;

CREATE INDEX sessions_created ON sessions (created_at, seq, archived_at);
CREATE INDEX sessions_project ON sessions (project_id, created_at, seq, status, archived_at);
CREATE INDEX sessions_machine ON sessions (machine_id, created_at, seq, status, archived_at, project_id);
CREATE INDEX sessions_status ON sessions (status, created_at, seq, archived_at);
CREATE INDEX sessions_archived ON sessions (created_at, seq, status) WHERE archived_at IS NOT NULL;
CREATE INDEX sessions_lineage ON sessions (lineage_id, created_at, seq);
-- Retention.
CREATE INDEX sessions_ended ON sessions (completed_at) WHERE completed_at IS NOT NULL AND archived_at IS NULL;
-- Detection. The only index with `last_heartbeat`: each further one would halve the rate of heartbeats. It is written
-- with OR because SQLite does not see that `status = 'active'` lies within an IN.
CREATE INDEX sessions_silence ON sessions (status, last_heartbeat) WHERE status = 'active' OR status = 'stalled';
-- The rules about sets of sessions. SQLite looks at the index that was made last first: who breaks several rules hears of
-- the active session before the slot. The one per slot also finds a machine's live sessions, with a slot or without.
CREATE UNIQUE INDEX sessions_one_successor ON sessions (recovered_from) WHERE recovered_from IS NOT NULL;
CREATE UNIQUE INDEX sessions_one_per_slot ON sessions (machine_id, docker_slot) WHERE completed_at IS NULL;
CREATE UNIQUE INDEX sessions_one_active ON sessions (project_id, machine_id) WHERE status = 'active';
CREATE UNIQUE INDEX sessions_id ON sessions (id);

-- How many sessions there are in each status, so that nobody counts a million rows.
CREATE TABLE session_counts (
    status   TEXT    NOT NULL,
    archived INTEGER NOT NULL,
    n        INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (status, archived)
) STRICT, WITHOUT ROWID;

INSERT INTO session_counts (status, archived, n) VALUES
    ('active', 0, 0), ('paused', 0, 0), ('stalled', 0, 0),
    ('completed', 0, 0), ('completed', 1, 0), ('failed', 0, 0), ('failed', 1, 0);

CREATE TRIGGER sessions_counted_in AFTER INSERT ON sessions BEGIN
    UPDATE session_counts SET n = n + 1 WHERE status = new.status AND archived = (new.archived_at IS NOT NULL);
END;
CREATE TRIGGER sessions_counted_out AFTER DELETE ON sessions BEGIN
    UPDATE session_counts SET n = n - 1 WHERE status = old.status AND archived = (old.archived_at IS NOT NULL);
END;
-- A heartbeat names neither column, so it does not come here.
CREATE TRIGGER sessions_counted_over AFTER UPDATE OF status, archived_at ON sessions
WHEN old.status <> new.status OR (old.archived_at IS NULL) <> (new.archived_at IS NULL) BEGIN
    UPDATE session_counts SET n = n - 1 WHERE status = old.status AND archived = (old.archived_at IS NOT NULL);
    UPDATE session_counts SET n = n + 1 WHERE status = new.status AND archived = (new.archived_at IS NOT NULL);
END;

CREATE TABLE tasks (
    seq             INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    session_id      BLOB    NOT NULL CHECK (length(session_id) = 16),
    project_id      TEXT    NOT NULL,
    github_issue_id TEXT,
    name            TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('pending', 'in_progress', 'blocked', 'completed', 'failed')),
    started_at      INTEGER,
    completed_at    INTEGER,
    error_message   TEXT,
    copied_from     BLOB CHECK (length(copied_from) = 16),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    revision        INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    touches         INTEGER NOT NULL DEFAULT 0 CHECK (touches >= 0),
    metadata        TEXT    NOT NULL DEFAULT '{}',

    CONSTRAINT ended_has_a_time CHECK ((status IN ('completed', 'failed')) = (completed_at IS NOT NULL)),
    CONSTRAINT failed_says_why CHECK ((status = 'failed') = (error_message IS NOT NULL)),
    CONSTRAINT begun_has_a_time CHECK (status <> 'in_progress' OR started_at IS NOT NULL),
    CONSTRAINT pending_has_none CHECK (status <> 'pending' OR started_at IS NULL)
) STRICT;

CREATE INDEX tasks_created ON tasks (created_at, seq);
CREATE INDEX tasks_session ON tasks (session_id, created_at, seq, status);
CREATE INDEX tasks_project ON tasks (project_id, created_at, seq, status);
CREATE INDEX tasks_status ON tasks (status, created_at, seq);
CREATE UNIQUE INDEX tasks_id ON tasks (id);

CREATE TABLE task_counts (
    status TEXT    NOT NULL PRIMARY KEY,
    n      INTEGER NOT NULL CHECK (n >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO task_counts (status, n) VALUES
    ('pending', 0), ('in_progress', 0), ('blocked', 0), ('completed', 0), ('failed', 0);

CREATE TRIGGER tasks_counted_in AFTER INSERT ON tasks BEGIN
    UPDATE task_counts SET n = n + 1 WHERE status = new.status;
END;
CREATE TRIGGER tasks_counted_out AFTER DELETE ON tasks BEGIN
    UPDATE task_counts SET n = n - 1 WHERE status = old.status;
END;
CREATE TRIGGER tasks_counted_over AFTER UPDATE OF status ON tasks WHEN old.status <> new.status BEGIN
    UPDATE task_counts SET n = n - 1 WHERE status = old.status;
    UPDATE task_counts SET n = n + 1 WHERE status = new.status;
END;

CREATE TABLE machines (
    seq            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL,
    hostname       TEXT    NOT NULL,
    docker_slots   TEXT    NOT NULL, -- a JSON array of numbers
    status         TEXT    NOT NULL CHECK (status IN ('online', 'offline', 'maintenance')),
    last_heartbeat INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    revision       INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    touches        INTEGER NOT NULL DEFAULT 0 CHECK (touches >= 0),
    metadata       TEXT    NOT NULL DEFAULT '{}'
) STRICT;

CREATE INDEX machines_created ON machines (created_at, seq);
CREATE INDEX machines_status ON machines (status, created_at, seq);
CREATE INDEX machines_silence ON machines (last_heartbeat) WHERE status = 'online';
CREATE UNIQUE INDEX machines_id ON machines (id);

-- What happened, in the order of `position`, which never goes back: a reader that follows it misses nothing.
CREATE TABLE events (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    session_id BLOB CHECK (length(session_id) = 16),
    task_id    BLOB CHECK (length(task_id) = 16),
    machine_id TEXT,
    kept_with  BLOB CHECK (length(kept_with) = 16), -- the session with which it is deleted
    detail     TEXT    NOT NULL DEFAULT '{}',

    CONSTRAINT of_one_subject CHECK ((session_id IS NULL) <> (machine_id IS NULL)),
    CONSTRAINT task_with_its_session CHECK (task_id IS NULL OR session_id IS NOT NULL)
) STRICT;

CREATE INDEX events_kept ON events (kept_with) WHERE kept_with IS NOT NULL;
CREATE INDEX events_loose ON events (at) WHERE kept_with IS NULL;

-- What the detector last noted of itself.
CREATE TABLE watch (
    only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
    looked_at    INTEGER NOT NULL,
    due_by       INTEGER NOT NULL,
    silence_from INTEGER NOT NULL
) STRICT;
