-- What came of checks: the last one of each site, and of each address without a site. Times in Unix
-- milliseconds: they are compared.
CREATE TABLE checks (
    -- `site CODE` or `address ADDRESS`.
    of_whom TEXT NOT NULL PRIMARY KEY,
    -- By which an operator finds it.
    code TEXT NOT NULL,
    at BIGINT NOT NULL,
    site TEXT,
    address TEXT NOT NULL,
    -- What is in the way, by its name, and what was measured, as JSON.
    cause TEXT NOT NULL,
    measured TEXT NOT NULL
);
CREATE INDEX checks_by_time ON checks (at);
CREATE INDEX checks_by_code ON checks (code);
