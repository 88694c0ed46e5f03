-- Which process has a duty that only one of several may do. By the clock of this file's machine, in milliseconds.
CREATE TABLE leases (
    duty   TEXT    NOT NULL PRIMARY KEY,
    holder BLOB    CHECK (length(holder) = 16), -- null once it was given back
    token  INTEGER NOT NULL CHECK (token >= 1), -- raised whenever the duty changes hands
    since  INTEGER NOT NULL,                    -- the last claim: a lease from the future stands no more
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
