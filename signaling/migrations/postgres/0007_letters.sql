-- The texts of letters that an office has written in place of those that come with the program. Times in
-- Unix milliseconds.
CREATE TABLE letters (
    kind TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    -- How often it was changed: of two who change it at once, the second is told.
    version BIGINT NOT NULL,
    -- NULL: it is again as it comes with the program.
    subject TEXT COLLATE "C",
    body TEXT COLLATE "C",
    edited_by TEXT COLLATE "C" NOT NULL,
    edited_at BIGINT NOT NULL,
    PRIMARY KEY (kind, language)
);
