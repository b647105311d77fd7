-- A conference that was taken back before it began: its log is kept, and its id is not used again.
ALTER TABLE conferences ADD COLUMN deleted_at TEXT;
