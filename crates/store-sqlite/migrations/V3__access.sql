-- API keys, remembered answers, and on whose behalf events came about.

CREATE TABLE api_keys (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    name        TEXT    NOT NULL,
    secret      BLOB    NOT NULL CHECK (length(secret) = 32), -- its SHA-256
    role        TEXT    NOT NULL CHECK (role IN ('reader', 'worker', 'operator', 'admin')),
    project_id  TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    replaced_by BLOB CHECK (length(replaced_by) = 16),
    revision    INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    touches     INTEGER NOT NULL DEFAULT 0 CHECK (touches >= 0)
) STRICT;

CREATE INDEX api_keys_created ON api_keys (created_at, seq);
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);

-- Answers that are given again to a request that is repeated with its idempotency key.
CREATE TABLE answers (
    key     BLOB    NOT NULL CHECK (length(key) = 32),
    request BLOB    NOT NULL CHECK (length(request) = 32), -- a hash of the request
    answer  BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    until   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX answers_key ON answers (key);
CREATE INDEX answers_until ON answers (until);

-- Events get a third kind of subject, none at all, and an actor. A constraint cannot be changed in place, so the table is
-- made anew; positions stay what they were, and go on from where they had come to.
CREATE TABLE new_events (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    session_id BLOB CHECK (length(session_id) = 16),
    task_id    BLOB CHECK (length(task_id) = 16),
    machine_id TEXT,
    key_id     BLOB CHECK (length(key_id) = 16),
    kept_with  BLOB CHECK (length(kept_with) = 16), -- the session with which it is deleted
    by_key     BLOB CHECK (length(by_key) = 16),
    by_address TEXT,
    by_request BLOB CHECK (length(by_request) = 16), -- null: nobody asked for it
    detail     TEXT    NOT NULL DEFAULT '{}',

    CONSTRAINT of_one_subject
        CHECK ((session_id IS NOT NULL) + (machine_id IS NOT NULL) + (key_id IS NOT NULL) <= 1),
    CONSTRAINT task_with_its_session CHECK (task_id IS NULL OR session_id IS NOT NULL),
    CONSTRAINT an_actor_asked CHECK (by_request IS NOT NULL OR (by_key IS NULL AND by_address IS NULL))
) STRICT;

INSERT INTO new_events (position, at, kind, session_id, task_id, machine_id, kept_with, detail)
    SELECT position, at, kind, session_id, task_id, machine_id, kept_with, detail FROM events;
DELETE FROM sqlite_sequence WHERE name = 'new_events';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_events', seq FROM sqlite_sequence WHERE name = 'events';
DROP TABLE events;
ALTER TABLE new_events RENAME TO events;

-- Also finds what is deleted with a session.
CREATE INDEX events_session ON events (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX events_machine ON events (machine_id) WHERE machine_id IS NOT NULL;
CREATE INDEX events_by_key ON events (by_key) WHERE by_key IS NOT NULL;
CREATE INDEX events_loose ON events (at) WHERE kept_with IS NULL;
