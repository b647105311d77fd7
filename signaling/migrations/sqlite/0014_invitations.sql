-- Whom bookings invite, one by one: how each site is told, and what it has replied. There is a row for each
-- site of the audience before anybody asks for it; one that is not invited any more keeps its own. Times in
-- Unix seconds, or milliseconds where that is said: they are compared.
CREATE TABLE invitations (
    booking TEXT NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    site TEXT NOT NULL,
    -- To which it belonged when that was looked at last: it is invited if the booking still invites that one.
    audience TEXT NOT NULL,
    -- How often its link was issued, and the SHA-256 of the code that stands in it, in hex. The code itself
    -- follows from a key that is not here.
    generation BIGINT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    -- The mail that was asked for last, the notice of the booking that it tells, when (in milliseconds), and how
    -- many there were.
    mail TEXT,
    asked BIGINT,
    asked_at BIGINT,
    sends BIGINT NOT NULL DEFAULT 0,
    -- The notice that the mails before that one have told.
    told BIGINT,
    -- When its page was opened first since then, in milliseconds.
    opened_at BIGINT,
    reply TEXT CHECK (reply IN ('coming', 'excused', 'sends')),
    reason TEXT,
    who TEXT,
    people BIGINT,
    replied_at BIGINT,
    PRIMARY KEY (booking, site)
);

-- The browsers in which a site's link was opened, by the SHA-256 of a secret that each keeps.
CREATE TABLE invitation_devices (
    booking TEXT NOT NULL,
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (booking, site, device),
    FOREIGN KEY (booking, site) REFERENCES invitations (booking, site) ON DELETE CASCADE
);

-- The token that a site's link was exchanged for, of each conference.
CREATE TABLE invitation_tokens (
    booking TEXT NOT NULL,
    site TEXT NOT NULL,
    conference TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (booking, site, conference),
    FOREIGN KEY (booking, site) REFERENCES invitations (booking, site) ON DELETE CASCADE
);

-- The audience of which every site has its row.
ALTER TABLE bookings ADD COLUMN enrolled TEXT;
