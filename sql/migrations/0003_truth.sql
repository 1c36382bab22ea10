-- Rows say who updated them, records say which entry of the log a field has its value from, and sentences that mean
-- nothing for the mirror have names.

INSERT INTO :SCHEMA.reasons (code, attempts, meaning) VALUES
  ('superseded',        0, 'Done, and nothing was written: what the mirror has is newer.'),
  ('deleted_recently',  0, 'Done, and nothing was written: the record was deleted just before.'),
  ('not_about_records', 0, 'Done: the sentence means nothing for the mirror.')
ON CONFLICT (code) DO UPDATE SET attempts = excluded.attempts, meaning = excluded.meaning;

-- The service's own book-keeping raises revision; any other update that leaves a row undone runs it again.
ALTER TABLE :SCHEMA.events  ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;
ALTER TABLE :SCHEMA.history ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;

-- A row that is not done is due at some time. Not valid, because rows that are not adopted yet have no time.
ALTER TABLE :SCHEMA.events  ADD CONSTRAINT events_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;
ALTER TABLE :SCHEMA.history ADD CONSTRAINT history_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;

-- Which entry of the log a field has its value from, by RentProg's number: of two entries of one instant the later one counts.
ALTER TABLE :SCHEMA.cars        ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.clients     ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.bookings    ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.payments    ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.maintenance ADD COLUMN IF NOT EXISTS field_entries jsonb;

ALTER TABLE :SCHEMA.bookings
  ADD COLUMN IF NOT EXISTS number           text,
  ADD COLUMN IF NOT EXISTS car_code         text,
  ADD COLUMN IF NOT EXISTS source           text,
  ADD COLUMN IF NOT EXISTS technical        boolean,
  ADD COLUMN IF NOT EXISTS archive          boolean,
  ADD COLUMN IF NOT EXISTS additional_hours numeric,
  ADD COLUMN IF NOT EXISTS location_start   text,
  ADD COLUMN IF NOT EXISTS location_end     text,
  ADD COLUMN IF NOT EXISTS start_mileage    numeric,
  ADD COLUMN IF NOT EXISTS end_mileage      numeric;

-- What a payment is for, where the log names it.
ALTER TABLE :SCHEMA.payments
  ADD COLUMN IF NOT EXISTS booking_id text,
  ADD COLUMN IF NOT EXISTS car_id     text,
  ADD COLUMN IF NOT EXISTS client_id  text;

-- Sentences of the log that mean nothing for the mirror: a pattern is a regular expression, found anywhere in a sentence,
-- whatever its case. One that PostgreSQL does not read is refused.
CREATE TABLE IF NOT EXISTS :SCHEMA.ignored_sentences (
  pattern  text        PRIMARY KEY CHECK ('' ~* pattern IS NOT NULL AND pattern <> ''),
  note     text,
  added_at timestamptz NOT NULL DEFAULT now()
);
