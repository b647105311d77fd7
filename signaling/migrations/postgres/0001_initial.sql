-- As what all migrations of SQLite together have made, with the same names, so that one statement does
-- for both. Texts are compared byte by byte, as SQLite does.

-- What happened in each conference. `conferences` is a summary of `events`, changed in the same
-- transaction, so that lists need not read logs.
CREATE TABLE conferences (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    title TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('scheduled', 'running', 'ended')),
    created_at TEXT COLLATE "C" NOT NULL,
    starts_at TEXT COLLATE "C",
    started_at TEXT COLLATE "C",
    ended_at TEXT COLLATE "C",
    -- The last event, so that events missing at the end are noticed too.
    head_seq BIGINT NOT NULL,
    head_hash TEXT COLLATE "C" NOT NULL,
    -- Taken back before it began: its log is kept, and its id is not used again.
    deleted_at TEXT COLLATE "C"
);

-- Append-only. hash = SHA-256(prev || {"at":…,"conference":…,"event":body,"seq":…}), hexadecimal.
CREATE TABLE events (
    conference TEXT COLLATE "C" NOT NULL REFERENCES conferences (id),
    seq BIGINT NOT NULL,
    at TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    prev TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (conference, seq)
);

CREATE TABLE sites (
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    -- The name in lower case without diacritics, for searching.
    folded TEXT COLLATE "C" NOT NULL,
    -- Which there are, the program says.
    level TEXT COLLATE "C" NOT NULL,
    parent_code TEXT COLLATE "C" REFERENCES sites (code) DEFERRABLE INITIALLY DEFERRED,
    -- Whom to call there, where the list says so.
    contact_name TEXT COLLATE "C",
    contact_phone TEXT COLLATE "C",
    contact_email TEXT COLLATE "C",
    seats BIGINT,
    line_profile TEXT COLLATE "C",
    stand_by_device TEXT COLLATE "C",
    -- Names with semicolons between them.
    group_names TEXT COLLATE "C",
    -- 1 if it is kept for the records alone.
    hidden BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sites_by_parent ON sites (parent_code);

-- One row that is written to learn whether anything can be stored. After a commit of which it is not
-- known whether it has happened, the next one decides: see `Store::fence`. Whoever writes anything locks
-- this table, so that one writes at a time.
CREATE TABLE fence (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO fence (id, number) VALUES (1, 0);

-- The server that has the database: each one that takes it raises the number.
CREATE TABLE lease (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL
);
INSERT INTO lease (id, number, holder) VALUES (1, 0, '');

-- Tokens that were made here, and those of other programs that were taken back, of which nothing is
-- known but the id. Never the token itself. Times in Unix seconds: they are compared.
CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    subject TEXT COLLATE "C",
    role TEXT COLLATE "C",
    site TEXT COLLATE "C",
    conference TEXT COLLATE "C",
    issued_by TEXT COLLATE "C",
    issued_at BIGINT,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_conference ON tokens (conference, id);
CREATE INDEX tokens_revoked ON tokens (expires_at) WHERE revoked_at IS NOT NULL;

-- Until when the server is known to have been up, so that an outage is nobody's attendance. One row,
-- written anew every few seconds; not an event, because nothing happens.
CREATE TABLE heartbeat (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    up_until TEXT COLLATE "C" NOT NULL
);

-- Links: a code that a page exchanges for a token. Never the code: its SHA-256, in hex. Times in Unix
-- seconds: they are compared.
CREATE TABLE links (
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The id of the token that it stands for, and the name that it gives.
    token TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    -- In how many browsers it may be opened.
    devices BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX links_by_end ON links (expires_at);

-- The browsers in which a link was opened, by the SHA-256 of a secret that each keeps.
CREATE TABLE link_devices (
    code TEXT COLLATE "C" NOT NULL REFERENCES links (code) ON DELETE CASCADE,
    device TEXT COLLATE "C" NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (code, device)
);

-- What came of checks: the last one of each site, and of each address without a site. Times in Unix
-- milliseconds: they are compared.
CREATE TABLE checks (
    -- `site CODE` or `address ADDRESS`.
    of_whom TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- By which an operator finds it.
    code TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    site TEXT COLLATE "C",
    address TEXT COLLATE "C" NOT NULL,
    -- What is in the way, by its name, and what was measured, as JSON.
    cause TEXT COLLATE "C" NOT NULL,
    measured TEXT COLLATE "C" NOT NULL
);
CREATE INDEX checks_by_time ON checks (at);
CREATE INDEX checks_by_code ON checks (code);
