-- The number that an object woke with which has stored something and has not heard Watch yet: the next one to wake is compared
-- by it, or its own commits would hide that the storage was restored. Null: whoever stored last had heard Watch.

ALTER TABLE account ADD COLUMN woken_seq INTEGER;
