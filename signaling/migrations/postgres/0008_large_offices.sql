-- For offices of 150,000 accounts and 50,000 sites.
--
-- Whoever searches for somebody who is not there reads all of this, and none of the accounts.
CREATE INDEX accounts_searched ON accounts (login_key, role, folded);

-- Strangers, of whom only so many are kept, are found without reading the checks of all sites.
CREATE INDEX checks_of_strangers ON checks (at) WHERE site IS NULL;
