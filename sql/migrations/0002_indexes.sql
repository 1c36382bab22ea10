-- no transaction
-- The indexes of the tables that a company may have filled already: nobody who writes waits for one to be built.

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS cars_rentprog_id_key        ON :SCHEMA.cars        (rentprog_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS clients_rentprog_id_key     ON :SCHEMA.clients     (rentprog_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS bookings_rentprog_id_key    ON :SCHEMA.bookings    (rentprog_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_rentprog_id_key    ON :SCHEMA.payments    (rentprog_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS maintenance_rentprog_id_key ON :SCHEMA.maintenance (rentprog_id);

-- What is due, by branch. Parked rows stay out of both indexes: nobody asks for them by these columns, and their
-- ext_id may be longer than an index entry can be; rows that are not adopted yet have no next_attempt_at.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_due ON :SCHEMA.events (branch, next_attempt_at, id)
  WHERE NOT processed AND next_attempt_at < 'infinity';
-- All that waits for one record.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_waiting_for ON :SCHEMA.events (branch, ext_id)
  WHERE NOT processed AND next_attempt_at < 'infinity';
-- The events that were queued to fetch what rows of history wait for: metadata says {"asked_for": "car 59439"}.
-- A hash, because what others write in metadata may be longer than another index's entry can be.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_asked_for ON :SCHEMA.events USING hash ((metadata ->> 'asked_for'))
  WHERE metadata ->> 'asked_for' IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS events_receipt_key ON :SCHEMA.events (receipt);

CREATE INDEX CONCURRENTLY IF NOT EXISTS history_due ON :SCHEMA.history (next_attempt_at, id)
  WHERE NOT processed AND next_attempt_at < 'infinity';
-- What waits for a record, parked or not.
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_waiting_for ON :SCHEMA.history (reason)
  WHERE NOT processed AND reason LIKE 'entity\_not\_found%';
-- Whether an entry of the log has been read. Not unique: an INSERT never fails for what is in the row.
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_operation ON :SCHEMA.history (left(branch, 64), left(operation_id, 64));
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS history_receipt_key ON :SCHEMA.history (receipt);

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS entity_timeline_once ON :SCHEMA.entity_timeline (log_entry, entity_type, entity_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS entity_timeline_of ON :SCHEMA.entity_timeline (entity_type, entity_id, at);

CREATE INDEX CONCURRENTLY IF NOT EXISTS row_attempts_of ON :SCHEMA.row_attempts (source, source_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS operator_action_rows_of ON :SCHEMA.operator_action_rows (row_id);

-- For lists, newest first, and for counts. An INSERT has to write in two of them, at their ends.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_not_done  ON :SCHEMA.events  (id) WHERE NOT processed;
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_not_done ON :SCHEMA.history (id) WHERE NOT processed;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_ts  ON :SCHEMA.events  (ts);
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_ts ON :SCHEMA.history (ts);
-- What went badly, and what was discarded.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_badly  ON :SCHEMA.events  (id) WHERE reason IS NOT NULL OR processed AND ok = false;
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_badly ON :SCHEMA.history (id) WHERE reason IS NOT NULL OR processed AND ok = false;
-- How many events the last hour saw done, and how fast.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_processed_at ON :SCHEMA.events (processed_at) WHERE processed;
