-- What arrives over HTTP.

-- Each row that a request brings gets a receipt, which is also the answer: where a connection is lost before the server
-- has said whether a statement was committed, the same rows can be written again and are there once.
ALTER TABLE events
  ADD COLUMN IF NOT EXISTS receipt  uuid,
  ADD COLUMN IF NOT EXISTS trace_id text;
ALTER TABLE history
  ADD COLUMN IF NOT EXISTS receipt  uuid,
  ADD COLUMN IF NOT EXISTS trace_id text;
COMMENT ON COLUMN events.receipt   IS 'Which part of which request brought the row; null where none did.';
COMMENT ON COLUMN history.receipt  IS 'Which part of which request brought the row; null where none did.';
COMMENT ON COLUMN events.trace_id  IS 'The trace of its reception, else of its last attempt.';
COMMENT ON COLUMN history.trace_id IS 'The trace of its reception, else of its last attempt.';
CREATE UNIQUE INDEX IF NOT EXISTS events_receipt_key  ON events (receipt);
CREATE UNIQUE INDEX IF NOT EXISTS history_receipt_key ON history (receipt);
