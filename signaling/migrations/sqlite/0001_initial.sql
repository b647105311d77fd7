-- What happened in each conference. `conferences` is a summary of `events`, changed in the same
-- transaction, so that lists need not read logs.
CREATE TABLE conferences (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('scheduled', 'running', 'ended')),
    created_at TEXT NOT NULL,
    starts_at TEXT,
    started_at TEXT,
    ended_at TEXT,
    -- The last event, so that events missing at the end are noticed too.
    head_seq BIGINT NOT NULL,
    head_hash TEXT NOT NULL
);

-- Append-only. hash = SHA-256(prev || {"at":…,"conference":…,"event":body,"seq":…}), hexadecimal.
CREATE TABLE events (
    conference TEXT NOT NULL REFERENCES conferences (id),
    seq BIGINT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (conference, seq)
);

CREATE TABLE sites (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in lower case without diacritics, for searching.
    folded TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('central', 'province', 'commune')),
    parent_code TEXT REFERENCES sites (code) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX sites_by_parent ON sites (parent_code);

-- Times in Unix seconds: they are compared.
CREATE TABLE revoked_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT
);
