-- One row that is written to learn whether anything can be stored. After a commit of which it is
-- not known whether it has happened, the next one decides: see `Store::fence`.
CREATE TABLE fence (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO fence (id, number) VALUES (1, 0);
