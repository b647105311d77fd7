-- Those of whom only so many are kept are found without reading those of all sites.
CREATE INDEX checks_of_strangers ON checks (at) WHERE site IS NULL;
