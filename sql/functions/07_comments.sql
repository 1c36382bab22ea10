-- What the columns mean, for whoever meets them in psql.

COMMENT ON COLUMN :SCHEMA.reasons.attempts IS 'After how many attempts a row is parked; 0: at once, null: never.';

COMMENT ON COLUMN :SCHEMA.events.payload_received IS 'What was received, before payload was normalised.';
COMMENT ON COLUMN :SCHEMA.events.ok               IS 'How it went: null until the row was handled.';
COMMENT ON COLUMN :SCHEMA.events.reason           IS 'Why the row is not done, or why it is without a write: a code of the table reasons, or code: detail.';
COMMENT ON COLUMN :SCHEMA.events.next_attempt_at  IS 'When the row is due; infinity: parked, a person has to look.';
COMMENT ON COLUMN :SCHEMA.events.receipt          IS 'Which part of which request brought the row; null where none did.';
COMMENT ON COLUMN :SCHEMA.events.trace_id         IS 'The trace of its reception, else of its last attempt.';

COMMENT ON COLUMN :SCHEMA.history.created_at IS
  'When the entry was made in RentProg: of two entries, the later one counts, and none as later than it arrived. Null where that does not read: such an entry counts as older than all others.';
COMMENT ON COLUMN :SCHEMA.history.reason     IS
  'Why the row is not done, or why it is done and nothing was written: a code of the table reasons, or code: detail.';
COMMENT ON COLUMN :SCHEMA.history.receipt    IS 'Which part of which request brought the row; null where none did.';
COMMENT ON COLUMN :SCHEMA.history.trace_id   IS 'The trace of its reception, else of its last attempt.';

COMMENT ON COLUMN :SCHEMA.cars.field_times IS 'When a log entry last changed a field. An older entry leaves the field alone.';
COMMENT ON COLUMN :SCHEMA.cars.field_entries IS
  'Which log entry last changed a field, by its operation_id. Of two entries of one instant, the one with the higher number counts.';
COMMENT ON COLUMN :SCHEMA.cars.fetched_at  IS 'When the record was asked for. Entries of the log made before that change nothing.';

COMMENT ON COLUMN :SCHEMA.ignored_sentences.pattern IS
  'A regular expression (~), found anywhere in a sentence that reads in no way: the entry is done. Parked entries that match are done as well when the pattern is added.';
COMMENT ON COLUMN :SCHEMA.ignored_sentences.note    IS 'What such a sentence says, for people.';

COMMENT ON COLUMN :SCHEMA.bookings.start_place IS 'Unused: RentProg has no such field. See location_start.';
COMMENT ON COLUMN :SCHEMA.bookings.end_place   IS 'Unused: RentProg has no such field. See location_end.';

COMMENT ON COLUMN :SCHEMA.history_progress.read_from  IS 'What was made before that is not read.';
COMMENT ON COLUMN :SCHEMA.history_progress.read_until IS 'Until when the operations log is known without a gap.';
COMMENT ON COLUMN :SCHEMA.history_progress.stretches  IS
  'What is written down by RentProg''s numbers, newest first; the last one begins at 0 where nothing below it is missing.';

COMMENT ON COLUMN :SCHEMA.entity_timeline.source    IS 'event, history, sync or operator';
COMMENT ON COLUMN :SCHEMA.entity_timeline.changes   IS '{field: [old, new]}';
COMMENT ON COLUMN :SCHEMA.entity_timeline.log_entry IS
  'branch:operation_id of a log entry, else history:id; event:id of an event. Each tells of a record once.';

COMMENT ON COLUMN :SCHEMA.row_attempts.source    IS 'event or history';
COMMENT ON COLUMN :SCHEMA.row_attempts.source_id IS 'The id of the row of events or history.';
COMMENT ON COLUMN :SCHEMA.row_attempts.attempt   IS 'The first one is 1.';

COMMENT ON COLUMN :SCHEMA.row_refusals.source          IS 'event or history';
COMMENT ON COLUMN :SCHEMA.row_refusals.source_id       IS 'The id of the row of events or history.';
COMMENT ON COLUMN :SCHEMA.row_refusals.next_attempt_at IS 'Until then nobody tries the row again, whatever the row says.';
COMMENT ON COLUMN :SCHEMA.row_refusals.why             IS 'What PostgreSQL said to the update of the row.';

COMMENT ON COLUMN :SCHEMA.adoptions.reached     IS 'The last row that was adopted, in the order of the key.';
COMMENT ON COLUMN :SCHEMA.adoptions.finished_at IS 'Null while rows that stood before Jarvis are still to be adopted.';

COMMENT ON COLUMN :SCHEMA.operator_actions.address      IS 'Where the request came from.';
COMMENT ON COLUMN :SCHEMA.operator_actions.action       IS 'retry, discard, undo, pause or resume';
COMMENT ON COLUMN :SCHEMA.operator_actions.source_table IS 'events or history; null of a pause and a resume.';
COMMENT ON COLUMN :SCHEMA.operator_actions.branch       IS 'Of a pause and a resume.';
COMMENT ON COLUMN :SCHEMA.operator_actions.filter       IS 'How the rows were chosen; null where they were named.';
COMMENT ON COLUMN :SCHEMA.operator_actions.reason       IS 'Of a discard.';
COMMENT ON COLUMN :SCHEMA.operator_actions.count        IS 'How many rows it was about.';
COMMENT ON COLUMN :SCHEMA.operator_actions.undone_by    IS 'The action that took this one back.';
COMMENT ON COLUMN :SCHEMA.operator_action_rows.row_id   IS 'The id of the row of operator_actions.source_table.';
COMMENT ON COLUMN :SCHEMA.operator_action_rows.before   IS 'What an undo of a discard writes back.';

COMMENT ON COLUMN :SCHEMA.events.metadata  IS 'What else is known of the row: the branch in a webhook''s address; the table and id that it was forwarded from.';
COMMENT ON COLUMN :SCHEMA.history.metadata IS 'The table and id that the row was forwarded from.';

COMMENT ON COLUMN :SCHEMA.forwarded_tables.lost_until    IS 'How many losses have been looked for; see forward_losses.';
COMMENT ON COLUMN :SCHEMA.forwarded_tables.lost_at       IS 'When that many had been counted.';
COMMENT ON COLUMN :SCHEMA.forwarded_tables.losing        IS 'How many there are, while they are to be looked for.';
COMMENT ON COLUMN :SCHEMA.forwarded_tables.losing_at     IS 'When that many had been counted.';
COMMENT ON COLUMN :SCHEMA.forwarded_tables.losing_before IS 'Whoever wrote them is a transaction of before.';
COMMENT ON COLUMN :SCHEMA.forwarded_tables.lost_for_good IS 'How many changes that nobody can find are known; see forward_unfindable.';
COMMENT ON COLUMN :SCHEMA.forward_misses.said IS 'What was to be forwarded of the row.';
COMMENT ON COLUMN :SCHEMA.forward_misses.why  IS 'What PostgreSQL said to the last attempt.';
