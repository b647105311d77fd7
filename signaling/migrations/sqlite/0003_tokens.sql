-- Tokens that were made here, and those of other programs that were taken back, of which nothing is
-- known but the id. Never the token itself. Times in Unix seconds: they are compared.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT,
    role TEXT,
    site TEXT,
    conference TEXT,
    issued_by TEXT,
    issued_at BIGINT,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_conference ON tokens (conference, id);
CREATE INDEX tokens_revoked ON tokens (expires_at) WHERE revoked_at IS NOT NULL;

-- No token is good for more than 366 days.
INSERT INTO tokens (id, expires_at, revoked_at)
SELECT id, COALESCE(expires_at, revoked_at + 31622400), revoked_at FROM revoked_tokens;
DROP TABLE revoked_tokens;
