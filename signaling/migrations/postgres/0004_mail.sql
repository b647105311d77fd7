-- Mail that is, or was, to be sent. Times in Unix milliseconds: they are compared.
CREATE TABLE mails (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- What it is about: of each thing there is one mail, however often it is asked for.
    about TEXT COLLATE "C" NOT NULL UNIQUE,
    recipient TEXT COLLATE "C" NOT NULL,
    -- What it is to say, as JSON. It is written when its turn comes.
    content TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'given_up', 'dropped')),
    -- Who sends it.
    lane BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- How often the server has ended while it was sent.
    doubts BIGINT NOT NULL DEFAULT 0,
    made_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- From then on it is not worth sending.
    useless_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- What was said when it was not taken.
    said TEXT COLLATE "C"
);
CREATE INDEX mails_due ON mails (due_at, id) WHERE state = 'waiting';
CREATE INDEX mails_under_way ON mails (lane) WHERE state = 'sending';
CREATE INDEX mails_by_state ON mails (state, id);
