-- Why a token was taken back, if not because somebody has said so: 'not_invited', its site is invited no more.
ALTER TABLE tokens ADD COLUMN revoked_for TEXT;

-- Whom a conference that was made of a day expects as far as that follows from its booking: the audience and
-- the hall that its roster was made of, or has followed last. Nothing before it was made.
ALTER TABLE occurrences ADD COLUMN followed TEXT;
ALTER TABLE occurrences ADD COLUMN followed_hall TEXT;
CREATE INDEX occurrences_by_followed ON occurrences (followed) WHERE followed IS NOT NULL;
