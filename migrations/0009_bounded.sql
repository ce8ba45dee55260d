-- Indexes for what is asked of an account of any age. No row changes.

-- Refused creates that could be revived: they count until the agent key is rotated, however long ago they were watched.
CREATE INDEX attempt_dormant ON attempt (sender) WHERE json_extract(attempt_json, '$.dormant') = 1;

-- Notices as the dashboard shows them: unseen first, of those what the owner has to act on, then the newest.
DROP INDEX notice_shown;
CREATE INDEX notice_shown ON notice (
  seen_at_ms IS NOT NULL,
  kind IN ('approval_waiting', 'correction', 'key_rotated', 'reconciled', 'vm_ended', 'vm_moved'),
  since_ms DESC
);
