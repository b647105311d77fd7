-- Conferences that are planned. Times in Unix seconds: they are compared.
--
-- Whom bookings invite, by content: many invite the same sites. A code in each line.
CREATE TABLE audiences (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sites BIGINT NOT NULL,
    codes TEXT COLLATE "C" NOT NULL
);

CREATE TABLE bookings (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    -- The version that was published last.
    published BIGINT,
    audience TEXT COLLATE "C" NOT NULL REFERENCES audiences (hash),
    -- All of it, as JSON.
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX bookings_by_audience ON bookings (audience);

-- The days of bookings, each of which becomes a conference. Those of a draft are made anew with each
-- change; one that was published is kept.
CREATE TABLE occurrences (
    conference TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    booking TEXT COLLATE "C" NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    -- On which the series puts it.
    day TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    zone TEXT COLLATE "C" NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    opens_at BIGINT NOT NULL,
    -- Who may come in when, as JSON.
    doors TEXT COLLATE "C" NOT NULL,
    hall TEXT COLLATE "C",
    chair TEXT COLLATE "C",
    audience TEXT COLLATE "C" NOT NULL REFERENCES audiences (hash),
    notice BIGINT NOT NULL
);
CREATE INDEX occurrences_by_start ON occurrences (starts_at, conference);
CREATE INDEX occurrences_by_opening ON occurrences (opens_at) WHERE state = 'published';
CREATE INDEX occurrences_by_booking ON occurrences (booking, starts_at);
CREATE INDEX occurrences_by_audience ON occurrences (audience);
