-- What the network's own lists say of this account, and how far it has been compared with them since a restore. New
-- tables only: what was stored before stays as it is.

-- When the lists were read, how completely, and whether a restored account has been compared with the network.
CREATE TABLE lists (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  restored_at_ms  INTEGER,                      -- the latest restore that was noticed
  first_full_ms   INTEGER,                      -- first reading of two whole lists since then
  reconciled_at_ms INTEGER,                     -- the second one, a minute later, with every finding adopted
  read_at_ms      INTEGER NOT NULL DEFAULT 0,
  complete        INTEGER NOT NULL DEFAULT 0 CHECK (complete BETWEEN 0 AND 3),
  foreign_        INTEGER,                      -- instances of the payer that no key of ours signed: counted, never touched
  CHECK (reconciled_at_ms IS NULL OR first_full_ms IS NOT NULL)
) STRICT;
INSERT INTO lists (one) VALUES (1);

-- Instances that one of our keys signed and the ledger does not hold, until two core nodes show them twice or none does.
CREATE TABLE sighting (
  item_hash       TEXT PRIMARY KEY,
  sighting_json   TEXT NOT NULL
) STRICT;
