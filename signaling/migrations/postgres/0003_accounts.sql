-- People who log in. Times in Unix milliseconds: they are compared.
CREATE TABLE accounts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- What its person writes to log in, and the same in small letters, by which it is found and listed.
    login TEXT COLLATE "C" NOT NULL,
    login_key TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    -- Login, name and address in lower case without diacritics, for searching.
    folded TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    province TEXT COLLATE "C",
    -- 1 if nobody logs in with it for now.
    disabled BIGINT NOT NULL DEFAULT 0,
    -- What is kept of its password (Argon2id, as a PHC string). Never the password.
    password TEXT COLLATE "C",
    -- Who else knows its person, and as whom.
    provider TEXT COLLATE "C",
    provider_subject TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    last_login_at BIGINT
);
CREATE INDEX accounts_by_role ON accounts (role, login_key);
CREATE UNIQUE INDEX accounts_by_provider ON accounts (provider, provider_subject);

-- Who is logged in, by the SHA-256 of the secret in a cookie, in hex. Never the secret.
CREATE TABLE logins (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    secret TEXT COLLATE "C" NOT NULL UNIQUE,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    begun_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C"
);
CREATE INDEX logins_by_account ON logins (account, id);
CREATE INDEX logins_by_end ON logins (ends_at);

-- Codes that are good once, with which somebody sets a password: their SHA-256, in hex. One without an
-- account is for the first administrator.
CREATE TABLE welcomes (
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX welcomes_by_account ON welcomes (account);

-- Who has asked for which change over REST, and what came of it. Ids sort by time. Accounts are named
-- also when they are gone.
CREATE TABLE acts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    account TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    about TEXT COLLATE "C" NOT NULL,
    status BIGINT NOT NULL,
    code TEXT COLLATE "C",
    address TEXT COLLATE "C" NOT NULL
);
CREATE INDEX acts_by_account ON acts (account, id);

CREATE INDEX tokens_by_subject ON tokens (subject);
CREATE INDEX tokens_by_issuer ON tokens (issued_by);
