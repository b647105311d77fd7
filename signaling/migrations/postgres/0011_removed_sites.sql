-- Codes of sites that were taken off the list: whoever comes with a token for one is told so. One that is on
-- the list again stays here, and counts for nothing.
CREATE TABLE removed_sites (
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
