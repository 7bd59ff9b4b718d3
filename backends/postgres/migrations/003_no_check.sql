-- The server parses a check anew for every statement that writes. That an
-- entry has an id is seen to before it is sent.
ALTER TABLE "holdall".entries DROP CONSTRAINT entries_id_given;
