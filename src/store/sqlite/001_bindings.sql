-- Sessions and whom they are bound to, under keyed hashes of their cookies.
CREATE TABLE binding (
    key       BLOB    NOT NULL PRIMARY KEY,
    app       TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    device    TEXT,
    created   INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    idle      INTEGER NOT NULL,
    sequence  INTEGER NOT NULL
) WITHOUT ROWID;

-- What changed in which order, so that another process can follow.
CREATE TABLE change (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key      BLOB    NOT NULL,
    at       INTEGER NOT NULL
);

CREATE TABLE freeze (
    subject TEXT    NOT NULL PRIMARY KEY,
    since   INTEGER NOT NULL,
    note    TEXT    NOT NULL
) WITHOUT ROWID;

-- `pruned`: the last change that is no longer listed. `freezes`: grows with each change of a freeze.
CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter VALUES ('pruned', 0), ('freezes', 0);

-- The processes at work on this database, each with the time it last showed itself.
CREATE TABLE process (
    id   TEXT    NOT NULL PRIMARY KEY,
    seen INTEGER NOT NULL
) WITHOUT ROWID;
