-- The account object's whole memory. Amounts are whole credits, times milliseconds since 1970 unless a name says
-- otherwise. Money rules stand here a second time, so that a slip in the code cannot be stored.

CREATE TABLE account (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  name            TEXT NOT NULL,                -- HMAC of the owner's address; the object's own name
  object_id       TEXT NOT NULL,
  owner           TEXT NOT NULL,                -- EIP-55; also the payer
  agent_address   TEXT NOT NULL,                -- EIP-55
  born_at_ms      INTEGER NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('active', 'frozen')),
  frozen_reason   TEXT,
  restored        INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),
  key_lost        INTEGER NOT NULL DEFAULT 0 CHECK (key_lost IN (0, 1)),
  commit_seq      INTEGER NOT NULL CHECK (commit_seq >= 0),
  last_now_ms     INTEGER NOT NULL,
  -- the latest reading of the payer on the core nodes
  delegation      TEXT NOT NULL CHECK (delegation IN ('ok', 'missing', 'too_wide', 'unknown')),
  payer_json      TEXT,
  payer_at_ms     INTEGER
) STRICT;

CREATE TABLE agent_key (
  address         TEXT PRIMARY KEY,
  kek_version     INTEGER NOT NULL,
  iv              BLOB NOT NULL,
  ciphertext      BLOB NOT NULL,
  created_at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE policy (
  version         INTEGER PRIMARY KEY CHECK (version > 0),
  policy_json     TEXT NOT NULL,
  signature       TEXT,                         -- null when it only narrowed
  saved_at_ms     INTEGER NOT NULL
) STRICT;

CREATE TABLE agent_grant (
  grant_id        TEXT PRIMARY KEY,
  state           TEXT NOT NULL CHECK (state IN ('active', 'frozen', 'revoked')),
  credits_max     INTEGER NOT NULL CHECK (credits_max >= 0),
  grant_json      TEXT NOT NULL
) STRICT;

CREATE TABLE quote (
  quote_id        TEXT PRIMARY KEY,
  grant_id        TEXT NOT NULL,
  kind            TEXT NOT NULL CHECK (kind IN ('create', 'extend', 'top_up')),
  made_at_ms      INTEGER NOT NULL,
  expires_at_ms   INTEGER NOT NULL,
  offer_json      TEXT,                         -- pruned when it runs out; the id stays burnt
  burnt_json      TEXT                          -- the answer that this id gives for ever
) STRICT;
CREATE INDEX quote_open ON quote (grant_id, expires_at_ms) WHERE burnt_json IS NULL;

CREATE TABLE approval (
  approval_id     TEXT PRIMARY KEY,
  grant_id        TEXT NOT NULL,
  quote_id        TEXT NOT NULL UNIQUE,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'stale', 'withdrawn', 'used')),
  approval_json   TEXT NOT NULL,
  signature       TEXT
) STRICT;
CREATE INDEX approval_open ON approval (grant_id, state);

-- Nonces that were minted for one browser session and one page; each is used once.
CREATE TABLE nonce (
  nonce           TEXT PRIMARY KEY,
  session_id      TEXT NOT NULL,
  purpose         TEXT NOT NULL,
  payload_json    TEXT NOT NULL,
  expires_at_ms   INTEGER NOT NULL,
  used_at_ms      INTEGER
) STRICT;

CREATE TABLE vm (
  vm_id           TEXT PRIMARY KEY,
  grant_id        TEXT NOT NULL,
  quote_id        TEXT NOT NULL UNIQUE,         -- one quote, at most one VM
  state           TEXT NOT NULL CHECK (state IN ('REQUESTED', 'SENT', 'UNKNOWN', 'PROVISIONING', 'HEALTHY', 'UNHEALTHY', 'STOPPING', 'TERMINATED', 'FAILED')),
  live            INTEGER NOT NULL CHECK (live = (state NOT IN ('TERMINATED', 'FAILED'))),
  tended          INTEGER NOT NULL CHECK (tended IN (0, 1)),  -- 1 while the plan has anything left to do for it
  admitted_at_ms  INTEGER NOT NULL,
  expires_at_ms   INTEGER NOT NULL,
  vm_json         TEXT NOT NULL
) STRICT;
CREATE INDEX vm_tended ON vm (tended) WHERE tended = 1;
CREATE INDEX vm_live ON vm (live) WHERE live = 1;
CREATE INDEX vm_admitted ON vm (admitted_at_ms);

CREATE TABLE attempt (
  item_hash       TEXT PRIMARY KEY,
  vm_id           TEXT NOT NULL REFERENCES vm (vm_id),
  number          INTEGER NOT NULL,
  item_content    TEXT NOT NULL,
  sender          TEXT NOT NULL,
  signature       TEXT,
  first_send_ms   INTEGER,
  attempt_json    TEXT NOT NULL,
  UNIQUE (vm_id, number),
  CHECK ((signature IS NULL) = (first_send_ms IS NULL))
) STRICT;

CREATE TABLE forget (
  item_hash       TEXT PRIMARY KEY,
  vm_id           TEXT NOT NULL REFERENCES vm (vm_id),
  target          TEXT NOT NULL,
  item_content    TEXT NOT NULL,
  signature       TEXT,
  forget_json     TEXT NOT NULL
) STRICT;
CREATE INDEX forget_vm ON forget (vm_id);

CREATE TABLE hold (
  hold_id         TEXT PRIMARY KEY,
  vm_id           TEXT NOT NULL REFERENCES vm (vm_id),
  grant_id        TEXT NOT NULL,
  kind            TEXT NOT NULL CHECK (kind IN ('create', 'extend')),
  state           TEXT NOT NULL CHECK (state IN ('held', 'shrunk', 'posted', 'voided')),
  credits         INTEGER NOT NULL CHECK (credits >= 0 AND credits <= credits_original),
  credits_original INTEGER NOT NULL CHECK (credits_original >= 0),
  at_ms           INTEGER NOT NULL,
  approved        INTEGER NOT NULL CHECK (approved IN (0, 1)),
  CHECK (state <> 'voided' OR credits = 0)
) STRICT;
CREATE INDEX hold_at ON hold (at_ms);
CREATE INDEX hold_grant ON hold (grant_id);
CREATE INDEX hold_vm ON hold (vm_id);

-- Corrections and overruns: found after the hold had shrunk or been passed; counted from when they were found.
CREATE TABLE extra (
  seq             INTEGER PRIMARY KEY,
  vm_id           TEXT NOT NULL,
  grant_id        TEXT NOT NULL,
  kind            TEXT NOT NULL CHECK (kind IN ('correction', 'overrun')),
  credits         INTEGER NOT NULL CHECK (credits > 0),
  at_ms           INTEGER NOT NULL
) STRICT;

-- Double entry: every movement names where it came from and where it went.
CREATE TABLE entry (
  seq             INTEGER PRIMARY KEY,
  at_ms           INTEGER NOT NULL,
  kind            TEXT NOT NULL CHECK (kind IN ('budget', 'hold', 'extend', 'shrink', 'post', 'void', 'correction', 'overrun')),
  from_           TEXT NOT NULL CHECK (from_ IN ('granted', 'available', 'held', 'posted', 'deficit')),
  to_             TEXT NOT NULL CHECK (to_ IN ('granted', 'available', 'held', 'posted', 'deficit')),
  credits         INTEGER NOT NULL CHECK (credits > 0),
  vm_id           TEXT,
  grant_id        TEXT
) STRICT;
CREATE INDEX entry_at ON entry (at_ms);
CREATE INDEX entry_grant ON entry (grant_id, seq);

-- granted + deficit = available + held + posted, at every commit.
CREATE TABLE balance (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  granted         INTEGER NOT NULL CHECK (granted >= 0),
  deficit         INTEGER NOT NULL CHECK (deficit >= 0),
  available       INTEGER NOT NULL CHECK (available >= 0),
  held            INTEGER NOT NULL CHECK (held >= 0),
  posted          INTEGER NOT NULL CHECK (posted >= 0),
  CHECK (granted + deficit = available + held + posted),
  CHECK (available = 0 OR deficit = 0)
) STRICT;

CREATE TABLE audit (
  seq             INTEGER PRIMARY KEY,
  at_ms           INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  facts_json      TEXT NOT NULL,
  chain           TEXT NOT NULL                 -- SHA-256 of the previous link and this row
) STRICT;

-- Paces the drive's steps; decides nothing. A claim saves work, two drives at once are harmless.
CREATE TABLE tried (
  key             TEXT PRIMARY KEY,
  vm_id           TEXT NOT NULL,
  last_ms         INTEGER NOT NULL,
  tries           INTEGER NOT NULL,
  lease_until_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX tried_vm ON tried (vm_id);

-- Aleph messages that the owner signed, stored before they are relayed and re-sent byte for byte.
CREATE TABLE owner_message (
  item_hash       TEXT PRIMARY KEY,
  kind            TEXT NOT NULL CHECK (kind IN ('security', 'forget')),
  message_json    TEXT NOT NULL,
  time_s          REAL NOT NULL,
  stored_at_ms    INTEGER NOT NULL,
  core_nodes_done INTEGER NOT NULL DEFAULT 0,
  done_at_ms      INTEGER,
  dropped_at_ms   INTEGER
) STRICT;

CREATE TABLE notice (
  notice_id       TEXT PRIMARY KEY,
  kind            TEXT NOT NULL,
  about           TEXT NOT NULL,                -- what it is about: one row per kind and subject
  facts_json      TEXT NOT NULL,
  since_ms        INTEGER NOT NULL,
  seen_at_ms      INTEGER,
  UNIQUE (kind, about)
) STRICT;

CREATE TRIGGER entry_is_append_only_u BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER entry_is_append_only_d BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER audit_is_append_only_u BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_is_append_only_d BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER extra_is_append_only_u BEFORE UPDATE ON extra BEGIN SELECT RAISE(ABORT, 'extra is append-only'); END;
CREATE TRIGGER extra_is_append_only_d BEFORE DELETE ON extra BEGIN SELECT RAISE(ABORT, 'extra is append-only'); END;
CREATE TRIGGER policy_is_append_only_u BEFORE UPDATE ON policy BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END;
CREATE TRIGGER hold_resolves_once BEFORE UPDATE ON hold
  WHEN OLD.state IN ('posted', 'voided') AND (NEW.state <> OLD.state OR NEW.credits <> OLD.credits)
  BEGIN SELECT RAISE(ABORT, 'a hold resolves once'); END;
CREATE TRIGGER hold_never_grows BEFORE UPDATE ON hold
  WHEN NEW.credits > OLD.credits OR NEW.credits_original <> OLD.credits_original OR NEW.at_ms <> OLD.at_ms
  BEGIN SELECT RAISE(ABORT, 'a hold never grows'); END;
CREATE TRIGGER hold_is_kept BEFORE DELETE ON hold BEGIN SELECT RAISE(ABORT, 'holds are kept'); END;
CREATE TRIGGER attempt_bytes_stay BEFORE UPDATE ON attempt
  WHEN NEW.item_content <> OLD.item_content OR (OLD.signature IS NOT NULL AND NEW.signature IS NOT OLD.signature)
    OR (OLD.first_send_ms IS NOT NULL AND NEW.first_send_ms IS NOT OLD.first_send_ms)
  BEGIN SELECT RAISE(ABORT, 'signed bytes never change'); END;
CREATE TRIGGER quote_stays_burnt BEFORE UPDATE ON quote
  WHEN OLD.burnt_json IS NOT NULL AND NEW.burnt_json IS NOT OLD.burnt_json
  BEGIN SELECT RAISE(ABORT, 'a burnt quote stays burnt'); END;
