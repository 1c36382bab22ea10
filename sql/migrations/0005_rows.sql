-- What early versions left in rows. It comes last, right before the functions: with the constraints and without the functions,
-- a company's own update of a row that is not adopted yet fails.

-- Entries that were dated ahead have frozen fields, and deleted records for years to come: none of it is later than now.
DO $$
DECLARE
  place text;
BEGIN
  FOREACH place IN ARRAY '{cars,clients,bookings,payments,maintenance}'::text[] LOOP
    BEGIN
      EXECUTE format(
        'UPDATE :SCHEMA.%I AS mirror
         SET deleted_at  = CASE WHEN mirror.field_times ? ''deleted_at'' THEN least(mirror.deleted_at, now()) ELSE mirror.deleted_at END,
             field_times = (
               SELECT jsonb_object_agg(told.field, least(told.at::timestamptz, now()))
               FROM jsonb_each_text(mirror.field_times) AS told (field, at)
             )
         WHERE CASE WHEN jsonb_typeof(mirror.field_times) = ''object'' THEN EXISTS (
           SELECT FROM jsonb_each_text(mirror.field_times) AS told (field, at) WHERE told.at::timestamptz > now()
         ) END',
        place
      );
    EXCEPTION
      -- The migration begins again.
      WHEN lock_not_available OR deadlock_detected THEN
        RAISE;
      -- A record that refuses its update must not keep the migration from its end.
      WHEN OTHERS THEN
        RAISE WARNING 'what was dated ahead in % stays as it is: %', place, SQLERRM;
    END;
  END LOOP;
END
$$;

-- What is neither done nor due at any time is found by nobody. Such rows are adopted anew.
INSERT INTO :SCHEMA.adoptions (table_name)
SELECT 'events' WHERE EXISTS (
  SELECT FROM :SCHEMA.events WHERE NOT events.processed AND events.next_attempt_at IS NULL
)
UNION ALL
SELECT 'history' WHERE EXISTS (
  SELECT FROM :SCHEMA.history WHERE NOT history.processed AND history.next_attempt_at IS NULL
)
ON CONFLICT (table_name) DO UPDATE SET reached = NULL, finished_at = NULL;

-- From now on there are none. Not valid, because rows that are not adopted yet have no time.
ALTER TABLE :SCHEMA.events  ADD CONSTRAINT events_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;
ALTER TABLE :SCHEMA.history ADD CONSTRAINT history_done_or_due
  CHECK (processed IS TRUE OR next_attempt_at IS NOT NULL) NOT VALID;
