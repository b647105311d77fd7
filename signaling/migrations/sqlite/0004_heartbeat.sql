-- Until when the server is known to have been up, so that an outage is nobody's attendance. One row,
-- written anew every few seconds; not an event, because nothing happens.
CREATE TABLE heartbeat (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    up_until TEXT NOT NULL
);
