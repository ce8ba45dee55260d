-- The inventory: what the network was last told of the live VMs, under this account's own key, so that a lost ledger can be
-- rebuilt. A new table only; losing its row loses nothing, the next message is composed from the ledger.

CREATE TABLE inventory (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  written_json    TEXT NOT NULL
) STRICT;
