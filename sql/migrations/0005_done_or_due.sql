-- What is neither done nor due at any time is found by nobody. It comes last, right before the functions: without them, a
-- company's own update of a row that is not adopted yet would fail.

-- Early versions could leave such rows. They are adopted anew.
INSERT INTO :SCHEMA.adoptions (table_name)
SELECT 'events' WHERE EXISTS (
  SELECT FROM :SCHEMA.events WHERE NOT events.processed AND events.next_attempt_at IS NULL
)
UNION ALL
SELECT 'history' WHERE EXISTS (
  SELECT FROM :SCHEMA.history WHERE NOT history.processed AND history.next_attempt_at IS NULL
)
ON CONFLICT (table_name) DO UPDATE SET reached = NULL, finished_at = NULL;

-- Not valid, because rows that are not adopted yet have no time.
ALTER TABLE :SCHEMA.events  ADD CONSTRAINT events_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;
ALTER TABLE :SCHEMA.history ADD CONSTRAINT history_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;
