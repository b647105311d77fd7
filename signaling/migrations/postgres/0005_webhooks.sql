-- What has happened anywhere, with a number of its own, in the order in which it was stored. An event of a
-- conference stands in that conference's log; what is in no log stands here.
CREATE TABLE journal (
    number BIGINT NOT NULL PRIMARY KEY,
    conference TEXT COLLATE "C",
    seq BIGINT,
    at TEXT COLLATE "C",
    body TEXT COLLATE "C"
);
-- Of what was before nobody knows the order any more: one conference after the other.
INSERT INTO journal (number, conference, seq)
SELECT ROW_NUMBER() OVER (ORDER BY conferences.created_at, events.conference, events.seq),
    events.conference, events.seq
FROM events JOIN conferences ON conferences.id = events.conference;

-- Programs that are told what happens. Times in Unix milliseconds: they are compared.
CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url TEXT COLLATE "C" NOT NULL,
    -- Of which kinds, and of which conferences, as JSON; all if it is NULL.
    kinds TEXT COLLATE "C",
    conferences TEXT COLLATE "C",
    is_on BIGINT NOT NULL,
    -- The last number of the journal that was looked at for it.
    seen BIGINT NOT NULL,
    -- How many deliveries were made for it.
    sequence BIGINT NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    -- Since when it takes nothing, and how often it was tried since.
    failing_since BIGINT,
    failures BIGINT NOT NULL
);

-- What it is told at one time: entries of the journal after one number, to another.
CREATE TABLE deliveries (
    webhook TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sequence BIGINT NOT NULL,
    after_number BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    events BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tried_at BIGINT,
    -- What came back: an HTTP status, or what went wrong.
    status BIGINT,
    said TEXT COLLATE "C",
    PRIMARY KEY (webhook, sequence)
);
CREATE INDEX deliveries_by_state ON deliveries (webhook, state, sequence);
