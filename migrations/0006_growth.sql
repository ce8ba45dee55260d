-- What keeps an account of any age as fast as a young one: sums beside the rows, indexes for what is read by time, a ring
-- for reads, and one row per run of equal calls. No row of money or history is ever deleted.

-- Committed credits by time, as a tree: one row per scope, level and slot, where a slot spans 2^level milliseconds. Level
-- 62 has one slot, everything. Scopes: 'account', 'unapproved' (holds without an approval), and each grant's id. Kept by
-- the triggers below in the transaction of each change, so that no code can forget it.
CREATE TABLE committed (
  scope           TEXT NOT NULL,
  level           INTEGER NOT NULL,
  slot            INTEGER NOT NULL,
  credits         INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (scope, level, slot)
) STRICT, WITHOUT ROWID;

INSERT INTO committed (scope, level, slot, credits)
  SELECT scope, column1, at_ms >> column1, sum(credits) FROM (
    SELECT 'account' AS scope, at_ms, credits FROM hold
    UNION ALL SELECT grant_id, at_ms, credits FROM hold
    UNION ALL SELECT 'unapproved', at_ms, credits FROM hold WHERE approved = 0
    UNION ALL SELECT 'account', at_ms, credits FROM extra
    UNION ALL SELECT grant_id, at_ms, credits FROM extra
  ), (VALUES (16), (19), (22), (25), (28), (62))
  WHERE credits > 0 GROUP BY 1, 2, 3;

CREATE TRIGGER hold_is_committed AFTER INSERT ON hold WHEN NEW.credits > 0 BEGIN
  INSERT INTO committed (scope, level, slot, credits)
    SELECT scope, column1, NEW.at_ms >> column1, NEW.credits FROM (
      SELECT 'account' AS scope UNION ALL SELECT NEW.grant_id UNION ALL SELECT 'unapproved' WHERE NEW.approved = 0
    ), (VALUES (16), (19), (22), (25), (28), (62))
    WHERE true ON CONFLICT (scope, level, slot) DO UPDATE SET credits = credits + excluded.credits;
END;

-- A hold never grows; what it loses is taken from the slots of the time when it was made.
CREATE TRIGGER hold_is_freed AFTER UPDATE OF credits ON hold WHEN NEW.credits <> OLD.credits BEGIN
  UPDATE committed SET credits = credits - (OLD.credits - NEW.credits)
    WHERE (scope, level, slot) IN (SELECT scope, column1, NEW.at_ms >> column1 FROM (
      SELECT 'account' AS scope UNION ALL SELECT NEW.grant_id UNION ALL SELECT 'unapproved' WHERE NEW.approved = 0
    ), (VALUES (16), (19), (22), (25), (28), (62)));
END;

CREATE TRIGGER extra_is_committed AFTER INSERT ON extra BEGIN
  INSERT INTO committed (scope, level, slot, credits)
    SELECT scope, column1, NEW.at_ms >> column1, NEW.credits FROM (
      SELECT 'account' AS scope UNION ALL SELECT NEW.grant_id
    ), (VALUES (16), (19), (22), (25), (28), (62))
    WHERE true ON CONFLICT (scope, level, slot) DO UPDATE SET credits = credits + excluded.credits;
END;

-- The edges of a window are read exactly, from the rows themselves.
CREATE INDEX hold_grant_at ON hold (grant_id, at_ms);
CREATE INDEX extra_at ON extra (at_ms);
CREATE INDEX extra_grant_at ON extra (grant_id, at_ms);
CREATE INDEX extra_vm ON extra (vm_id);
CREATE INDEX vm_had ON vm (grant_id) WHERE state <> 'FAILED';
CREATE INDEX vm_grant ON vm (grant_id);
CREATE INDEX notice_shown ON notice (seen_at_ms IS NOT NULL, since_ms DESC);
DROP INDEX hold_grant;                          -- hold_grant_at begins with the same column

-- One row while the chain of an account from before this schema has yet to tell how it stands.
CREATE TABLE carrying (one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT;
INSERT INTO carrying SELECT one FROM account;

-- Reads of agents: the latest few hundred, each in the place of an older one.
CREATE TABLE read_call (
  place           INTEGER PRIMARY KEY,
  number          INTEGER NOT NULL,
  at_ms           INTEGER NOT NULL,
  grant_id        TEXT NOT NULL,
  facts_json      TEXT NOT NULL
) STRICT;
CREATE INDEX read_call_number ON read_call (number);

-- Equal calls of one grant within an hour: how many came after the first, which stands in the audit chain.
CREATE TABLE call_run (
  grant_id        TEXT NOT NULL,
  tool            TEXT NOT NULL,
  outcome         TEXT NOT NULL,                -- the refusal's code; or ok and the id that it was about
  since_ms        INTEGER NOT NULL,
  last_ms         INTEGER NOT NULL,
  again           INTEGER NOT NULL CHECK (again >= 0),
  PRIMARY KEY (grant_id, tool, outcome)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_run_since ON call_run (since_ms);
