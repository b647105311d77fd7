-- Whom to call at a site, where the list says so.
ALTER TABLE sites ADD COLUMN contact_name TEXT;
ALTER TABLE sites ADD COLUMN contact_phone TEXT;
