-- Indexes for what is asked of an account of any age. No row changes.

-- Refused creates that could be revived: they count until the agent key is rotated, however long ago they were watched.
CREATE INDEX attempt_dormant ON attempt (sender) WHERE json_extract(attempt_json, '$.dormant') = 1;
