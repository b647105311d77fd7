-- To what a token is narrowed: the verbs of its scope, with spaces between them, and the province beyond
-- which it does not reach. Nothing where it may what its role may.
ALTER TABLE tokens ADD COLUMN scope TEXT;
ALTER TABLE tokens ADD COLUMN province TEXT;
