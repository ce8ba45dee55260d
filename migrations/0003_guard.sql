-- What was seen of the payer and of the network's bills, so that one reading decides nothing. New tables only: what was
-- stored before stays as it is; an account without these rows has seen nothing yet.

-- The line of one day, the hour above it, and removals: since when two core nodes have shown each.
CREATE TABLE payer_watch (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  watch_json      TEXT NOT NULL
) STRICT;

-- One row per VM whose bill was seen: what two core nodes say was taken, and what was booked beyond its holds.
CREATE TABLE vm_bill (
  vm_id           TEXT PRIMARY KEY REFERENCES vm (vm_id),
  booked_credits  INTEGER NOT NULL CHECK (booked_credits >= 0),
  bill_json       TEXT NOT NULL
) STRICT;

-- An overrun that was booked stays booked: settlement counts on it.
CREATE TRIGGER bill_never_shrinks BEFORE UPDATE ON vm_bill
  WHEN NEW.booked_credits < OLD.booked_credits
  BEGIN SELECT RAISE(ABORT, 'what was booked stays booked'); END;
