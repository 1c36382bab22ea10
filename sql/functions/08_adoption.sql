-- Rows that stood here before Jarvis came, and how they become rows like any other.

-- Adopts some more rows of a table, `most` at most, and answers how many; 0 where none is left or somebody else is at it.
-- Each call is to be a transaction of its own: whoever writes to the table meanwhile waits for no more than that. How far
-- it came stands in adoptions. A row that refuses to be updated is passed over and stands in row_refusals; while there is
-- one, the table is not finished.
CREATE OR REPLACE FUNCTION :SCHEMA.adopt_rows(place text, most int) RETURNS int
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  since   bigint;
  source  constant text := CASE place WHEN 'events' THEN 'event' ELSE 'history' END;
  -- Which rows are still to be adopted: those that Jarvis's trigger has never seen.
  strange constant text :=
    '(candidate.processed IS NULL OR candidate.attempts IS NULL OR NOT candidate.processed AND candidate.next_attempt_at IS NULL)';
  -- The trigger runs a row that is touched, and sees to its attempts.
  touch   constant text := format(
    'UPDATE %I AS candidate
     SET processed = coalesce(candidate.processed, false),
         attempts  = CASE WHEN candidate.processed THEN coalesce(candidate.attempts, 0) ELSE candidate.attempts END
     WHERE candidate.id = ANY ($1)', place
  );
  rows      bigint[];
  one       bigint;
  remaining boolean;
  rule      text;
BEGIN
  SELECT adoption.reached::bigint INTO since
  FROM adoptions AS adoption
  WHERE adoption.table_name = place AND adoption.finished_at IS NULL
  FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;

  EXECUTE format(
    'SELECT array_agg(found.id)
     FROM (
       SELECT candidate.id FROM %I AS candidate
       WHERE candidate.id > $1 AND %s AND NOT EXISTS (
         SELECT FROM row_refusals AS refusal
         WHERE refusal.source = %L AND refusal.source_id = candidate.id AND refusal.next_attempt_at > now()
       )
       ORDER BY candidate.id LIMIT $2
       FOR UPDATE SKIP LOCKED
     ) AS found', place, strange, source
  ) INTO rows USING coalesce(since, -9223372036854775808), most;

  IF rows IS NULL THEN
    -- The end. What was held by somebody, or refused, is looked for from the beginning.
    EXECUTE format('SELECT EXISTS (SELECT FROM %I AS candidate WHERE %s)', place, strange) INTO remaining;
    UPDATE adoptions SET reached = NULL, finished_at = CASE WHEN NOT remaining THEN now() END
    WHERE adoptions.table_name = place;
    RETURN 0;
  END IF;

  PERFORM set_config('jarvis.adopting', 'yes', true);
  DELETE FROM row_refusals WHERE row_refusals.source = source AND row_refusals.source_id = ANY (rows);
  BEGIN
    EXECUTE touch USING rows;
  EXCEPTION WHEN OTHERS THEN
    FOREACH one IN ARRAY rows LOOP
      BEGIN
        EXECUTE touch USING ARRAY[one];
      EXCEPTION WHEN OTHERS THEN
        -- Its message may quote the row, and what stands here is told to whoever asks for health.
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        INSERT INTO row_refusals (source, source_id, attempts, next_attempt_at, why)
        VALUES (source, one, 1, now() + interval '1 hour', concat_ws(' of constraint ', 'error ' || SQLSTATE, nullif(rule, '')));
      END;
    END LOOP;
  END;
  PERFORM set_config('jarvis.adopting', '', true);

  UPDATE adoptions SET reached = (SELECT max(adopted.id) FROM unnest(rows) AS adopted (id))
  WHERE adoptions.table_name = place;
  IF place = 'events' THEN
    PERFORM pg_notify(notification_channel('rentprog_event_auto_process'), '0|' || coalesce(due.branch, '') || '||')
    FROM (
      SELECT DISTINCT events.branch FROM events
      WHERE events.id = ANY (rows) AND NOT events.processed AND events.next_attempt_at <= now()
    ) AS due;
  END IF;
  RETURN cardinality(rows);
END
$$;

-- Adopts some more records of the mirror: one that was written before Jarvis came counts as fetched when it was last
-- updated. Answers as adopt_rows does.
CREATE OR REPLACE FUNCTION :SCHEMA.adopt_records(place text, most int) RETURNS int
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  began   timestamptz;
  since   text;
  touch   constant text := format(
    'UPDATE %I AS record SET fetched_at = least(coalesce(record.updated_at, $2), $2) WHERE record.rentprog_id = ANY ($1)', place
  );
  records text[];
  one     text;
BEGIN
  SELECT adoption.began_at, coalesce(adoption.reached, '') INTO began, since
  FROM adoptions AS adoption
  WHERE adoption.table_name = place AND adoption.finished_at IS NULL
  FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;

  -- The baseline has given them all its own time.
  EXECUTE format(
    'SELECT array_agg(found.rentprog_id)
     FROM (
       SELECT record.rentprog_id FROM %I AS record
       WHERE record.rentprog_id > $1
         AND (record.fetched_at IS NULL OR record.fetched_at = $2 AND record.updated_at < $2)
       ORDER BY record.rentprog_id LIMIT $3
       FOR UPDATE
     ) AS found', place
  ) INTO records USING since, began, most;
  IF records IS NULL THEN
    UPDATE adoptions SET reached = NULL, finished_at = now() WHERE adoptions.table_name = place;
    RETURN 0;
  END IF;

  -- No entry of the log has waited for them.
  PERFORM set_config('jarvis.applying', 'yes', true);
  BEGIN
    EXECUTE touch USING records, began;
  EXCEPTION WHEN OTHERS THEN
    FOREACH one IN ARRAY records LOOP
      BEGIN
        EXECUTE touch USING ARRAY[one], began;
      EXCEPTION WHEN OTHERS THEN
        -- It keeps the time of the migration.
        NULL;
      END;
    END LOOP;
  END;
  PERFORM set_config('jarvis.applying', '', true);
  UPDATE adoptions SET reached = (SELECT max(adopted.id) FROM unnest(records) AS adopted (id))
  WHERE adoptions.table_name = place;
  RETURN cardinality(records);
END
$$;
