-- Links: a code that a page exchanges for a token. Never the code: its SHA-256, in hex. Times in Unix
-- seconds: they are compared.
CREATE TABLE links (
    code TEXT NOT NULL PRIMARY KEY,
    -- The id of the token that it stands for, and the name that it gives.
    token TEXT NOT NULL,
    name TEXT,
    -- In how many browsers it may be opened.
    devices BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX links_by_end ON links (expires_at);

-- The browsers in which a link was opened, by the SHA-256 of a secret that each keeps.
CREATE TABLE link_devices (
    code TEXT NOT NULL REFERENCES links (code) ON DELETE CASCADE,
    device TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (code, device)
);
