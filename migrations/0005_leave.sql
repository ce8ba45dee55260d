-- Leaving and changing keys: what the owner has begun, which new key waits to be let in, and what each Aleph message that
-- the owner signed is for. Beside `owner_message`, so that its rows stay as they are.

CREATE TABLE leaving (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  kind            TEXT NOT NULL CHECK (kind IN ('revoke', 'compromised')),
  since_ms        INTEGER NOT NULL,
  revoked_at_ms   INTEGER                       -- two core nodes have shown the list without our entries
) STRICT;

-- The key that a rotation prepares. `account.agent_address` changes only when two core nodes show it in force.
CREATE TABLE next_key (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  address         TEXT NOT NULL,
  since_ms        INTEGER NOT NULL
) STRICT;

CREATE TABLE owner_message_about (
  item_hash       TEXT PRIMARY KEY,
  purpose         TEXT NOT NULL CHECK (purpose IN ('delegate', 'revoke', 'rotate', 'forget')),
  about           TEXT NOT NULL,                -- the key that it is about, or the hash that it forgets; empty: the key of then
  judged_at_ms    INTEGER,                      -- since when two core nodes have judged it
  outcome         TEXT CHECK (outcome IN ('in_force', 'refused', 'no_effect'))
) STRICT;
CREATE INDEX owner_message_of ON owner_message_about (purpose, about);

INSERT INTO owner_message_about (item_hash, purpose, about, judged_at_ms)
  SELECT item_hash, CASE kind WHEN 'forget' THEN 'forget' ELSE 'delegate' END, '', done_at_ms FROM owner_message;
