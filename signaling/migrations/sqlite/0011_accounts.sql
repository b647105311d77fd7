-- People who log in. Times in Unix milliseconds: they are compared.
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    -- What its person writes to log in, and the same in small letters, by which it is found and listed.
    login TEXT NOT NULL,
    login_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    -- Login, name and address in lower case without diacritics, for searching.
    folded TEXT NOT NULL,
    role TEXT NOT NULL,
    province TEXT,
    -- 1 if nobody logs in with it for now.
    disabled BIGINT NOT NULL DEFAULT 0,
    -- What is kept of its password (Argon2id, as a PHC string). Never the password.
    password TEXT,
    -- Who else knows its person, and as whom.
    provider TEXT,
    provider_subject TEXT,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT
);
CREATE INDEX accounts_by_role ON accounts (role, login_key);
CREATE UNIQUE INDEX accounts_by_provider ON accounts (provider, provider_subject);

-- Who is logged in, by the SHA-256 of the secret in a cookie, in hex. Never the secret.
CREATE TABLE logins (
    id TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    begun_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT
);
CREATE INDEX logins_by_account ON logins (account, id);
CREATE INDEX logins_by_end ON logins (ends_at);

-- Codes that are good once, with which somebody sets a password: their SHA-256, in hex. One without an
-- account is for the first administrator.
CREATE TABLE welcomes (
    code TEXT NOT NULL PRIMARY KEY,
    account TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX welcomes_by_account ON welcomes (account);

-- Who has asked for which change over REST, and what came of it. Ids sort by time. Accounts are named
-- also when they are gone.
CREATE TABLE acts (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT,
    account TEXT,
    role TEXT NOT NULL,
    token TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    about TEXT NOT NULL,
    status BIGINT NOT NULL,
    code TEXT,
    address TEXT NOT NULL
);
CREATE INDEX acts_by_account ON acts (account, id);

CREATE INDEX tokens_by_subject ON tokens (subject);
CREATE INDEX tokens_by_issuer ON tokens (issued_by);
