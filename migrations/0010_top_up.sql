-- Notices as the dashboard shows them, with agents' questions for credits among what agents bring about by living on.
DROP INDEX notice_shown;
CREATE INDEX notice_shown ON notice (
  seen_at_ms IS NOT NULL,
  kind IN ('approval_waiting', 'correction', 'key_rotated', 'reconciled', 'top_up_asked', 'vm_ended', 'vm_moved'),
  since_ms DESC
);
