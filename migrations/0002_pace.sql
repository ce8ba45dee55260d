-- How fast each agent may go on, and what creates were asked for of late. New tables only: what was stored before
-- stays as it is and is read as before.

-- One row per grant: its breaker, its cool-down after failed creates, its pause after the owner's no.
CREATE TABLE grant_pace (
  grant_id        TEXT PRIMARY KEY,
  open_until_ms   INTEGER,                      -- the breaker is open until then
  pace_json       TEXT NOT NULL
) STRICT;

-- The latest creates that were accepted or refused by a limit, one row per quote, so that a changed policy can be tried
-- on them. Bounded: the oldest make room. Nothing about money is read from here.
CREATE TABLE create_asked (
  quote_id        TEXT PRIMARY KEY,
  grant_id        TEXT NOT NULL,
  at_ms           INTEGER NOT NULL,
  vm_id           TEXT,                         -- null when it was refused
  code            TEXT,                         -- null when it was admitted
  ask_json        TEXT NOT NULL,
  CHECK ((vm_id IS NULL) <> (code IS NULL))
) STRICT;
CREATE INDEX create_asked_at ON create_asked (at_ms);
