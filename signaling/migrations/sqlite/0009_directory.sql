-- More of each site, levels of any depth, and sites that are kept for the records alone. The table is
-- made anew, because its levels were among the three of a country: which there are, the program says.
CREATE TABLE sites_of_all_levels (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in lower case without diacritics, for searching.
    folded TEXT NOT NULL,
    level TEXT NOT NULL,
    parent_code TEXT REFERENCES sites_of_all_levels (code) DEFERRABLE INITIALLY DEFERRED,
    contact_name TEXT,
    contact_phone TEXT,
    contact_email TEXT,
    seats BIGINT,
    line_profile TEXT,
    stand_by_device TEXT,
    -- Names with semicolons between them.
    group_names TEXT,
    -- 1 if it is kept for the records alone.
    hidden BIGINT NOT NULL DEFAULT 0
);
INSERT INTO sites_of_all_levels
    (code, name, folded, level, parent_code, contact_name, contact_phone)
SELECT code, name, folded, level, parent_code, contact_name, contact_phone FROM sites;
DROP TABLE sites;
ALTER TABLE sites_of_all_levels RENAME TO sites;
CREATE INDEX sites_by_parent ON sites (parent_code);
