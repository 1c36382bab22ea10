-- History: each entry of the operations log is read and applied the moment it is written, service or no service.

-- One attempt at an entry: reads it, applies it, and says in the row how that went. Whatever goes wrong is undone and
-- becomes the reason.
CREATE OR REPLACE FUNCTION :SCHEMA.process_history(entry :SCHEMA.history) RETURNS :SCHEMA.history
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
DECLARE
  said    jsonb;
  said_at text;
  applied record;
  -- What a setting answers: an expression costs less than the statement that PERFORM is.
  told    text;
BEGIN
  entry.ok              := false;
  entry.processed       := false;
  entry.processed_at    := NULL;
  -- Soon, and each time a little later: the service says when exactly.
  entry.next_attempt_at := now() + interval '30 seconds';

  -- Two seconds for a statement, not for each of its thousand rows.
  IF current_setting('jarvis.waited_for_lock', true) = 'yes' THEN
    PERFORM set_config('lock_timeout', '1ms', true);
  END IF;

  IF entry.created_at IS NULL THEN
    said_at := coalesce(
      nullif(btrim(id_text(entry.raw_data #> '{attributes,created_at}'), E' \t\r\n'), ''),
      nullif(btrim(id_text(entry.raw_data -> 'created_at'), E' \t\r\n'), '')
    );
    -- Without a time of its own an entry was made when it was written down. One whose time does not read has none.
    entry.created_at := CASE WHEN said_at IS NULL THEN coalesce(entry.ts, now()) ELSE read_moment(said_at) END;
  END IF;
  -- An expression with a SELECT in it is a statement to PostgreSQL, which costs: here and below it stands behind an IF of its own.
  IF entry.created_at IS NULL THEN
    -- A company's own column may take no null, and a row must not be lost for that.
    IF (SELECT own.attnotnull FROM pg_attribute AS own WHERE own.attrelid = 'history'::regclass AND own.attname = 'created_at') THEN
      entry.created_at := '-infinity';
    END IF;
  END IF;

  IF coalesce(entry.description, '') !~ E'[^\\s\\u0085\\u00a0\\u2000-\\u200b\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]' THEN
    entry.reason          := 'empty_description';
    entry.next_attempt_at := 'infinity';
    RETURN entry;
  END IF;
  said := parse_history_description(entry.description);
  IF said IS NULL THEN
    IF EXISTS (SELECT FROM ignored_sentences AS ignored WHERE left(entry.description, 10000) ~ ignored.pattern) THEN
      entry.processed       := true;
      entry.ok              := true;
      entry.reason          := 'not_about_records';
      entry.processed_at    := now();
      entry.next_attempt_at := NULL;
    ELSE
      entry.reason          := 'unparsed_description: "' || left(entry.description, 200) || '"';
      entry.next_attempt_at := 'infinity';
    END IF;
    RETURN entry;
  END IF;

  entry.branch      := nullif(btrim(entry.branch), '');
  IF entry.branch IS NULL AND entry.company_id IS NOT NULL THEN
    entry.branch := (SELECT branches.code FROM branches WHERE branches.company_id = entry.company_id);
  END IF;
  entry.entity_type := coalesce(nullif(entry.entity_type, ''), said ->> 'entity_type');
  entry.entity_id   := coalesce(nullif(entry.entity_id, ''), said ->> 'entity_id');
  entry.user_name   := coalesce(nullif(entry.user_name, ''), said ->> 'user_name');

  -- Tells the triggers of the mirror whose change they see. What fails takes it back with everything else.
  told    := set_config('jarvis.applying', 'yes', true);
  applied := apply_history(entry, said);
  told    := set_config('jarvis.applying', '', true);

  IF applied.lacking IS NOT NULL THEN
    entry.reason          := 'entity_not_found: ' || applied.lacking;
    -- It applies when the record arrives. That it is tried all the same is for what nobody thought of.
    entry.next_attempt_at := now() + interval '1 day';
  ELSE
    entry.processed       := true;
    entry.ok              := true;
    entry.reason          := CASE WHEN applied.is_superseded THEN 'superseded' END;
    entry.processed_at    := now();
    entry.next_attempt_at := NULL;
  END IF;
  RETURN entry;
EXCEPTION
  WHEN lock_not_available OR deadlock_detected OR insufficient_privilege THEN
    IF SQLSTATE <> '42501' THEN
      PERFORM set_config('jarvis.waited_for_lock', 'yes', true);
    END IF;
    entry.reason := left('database_error: ' || SQLERRM, 500);
    RETURN entry;
  WHEN data_exception OR integrity_constraint_violation THEN
    entry.reason := left('apply_failed: ' || SQLERRM, 500);
    RETURN entry;
  WHEN OTHERS THEN
    -- A table without one of the columns that Jarvis made takes no statement that names them all.
    IF SQLSTATE LIKE '42%' AND current_setting('jarvis.by_name', true) IS DISTINCT FROM 'yes' THEN
      PERFORM set_config('jarvis.by_name', 'yes', true);
      RETURN process_history(entry);
    END IF;
    entry.reason := left('internal_error: ' || SQLSTATE || ' ' || SQLERRM, 500);
    RETURN entry;
END
$$;

CREATE OR REPLACE FUNCTION :SCHEMA.auto_process_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- An expression costs less than the statement that PERFORM is.
  told text;
BEGIN
  NEW.processed := coalesce(NEW.processed, false);
  -- The service's own book-keeping raises revision. A company's own column may hold nulls.
  IF NEW.processed OR TG_OP = 'UPDATE' AND NEW.revision > coalesce(OLD.revision, 0) THEN
    RETURN NEW;
  END IF;
  NEW.attempts := 0;
  NEW          := process_history(NEW);
  -- Whoever adopts old rows tells of them once for all.
  IF current_setting('jarvis.adopting', true) IS DISTINCT FROM 'yes' THEN
    told := pg_notify(notification_channel('history_item_processed'), format(
      '%s|%s|%s|%s', NEW.id, left(NEW.branch, 100), left(NEW.entity_type, 100), left(NEW.entity_id, 100)
    ));
  END IF;
  RETURN NEW;
END
$$;
-- It runs with its owner's rights, whoever inserts. Nobody else may hang it on a table of their own.
REVOKE ALL ON FUNCTION :SCHEMA.auto_process_history() FROM PUBLIC;

CREATE OR REPLACE TRIGGER auto_process_history_trigger
  BEFORE INSERT OR UPDATE ON :SCHEMA.history
  FOR EACH ROW EXECUTE FUNCTION :SCHEMA.auto_process_history();

-- A record arrives, by whatever way: what waited for it applies. Rows that somebody is at work on are left to the sweep.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_waiting_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
BEGIN
  UPDATE history SET processed = false
  WHERE history.id IN (
    SELECT waiting.id
    FROM arrived JOIN history AS waiting ON waiting.reason = 'entity_not_found: ' || TG_ARGV[0] || ' ' || arrived.rentprog_id
    WHERE NOT waiting.processed AND waiting.reason LIKE E'entity\\_not\\_found%'
    FOR UPDATE OF waiting SKIP LOCKED
  );
  RETURN NULL;
EXCEPTION
  -- A log that is locked, or a row of it that refuses its update, must not keep a record out.
  WHEN OTHERS THEN
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION :SCHEMA.apply_waiting_history() FROM PUBLIC;

CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON :SCHEMA.cars
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.apply_waiting_history('car');
CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON :SCHEMA.clients
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.apply_waiting_history('client');
CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON :SCHEMA.bookings
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.apply_waiting_history('booking');

-- A record that was there under another number arrives, too, as does one that was written while its entry was on its way.
-- Not where the log itself changes a record: the entries of a statement must not be touched within it.
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON :SCHEMA.cars
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes')
  EXECUTE FUNCTION :SCHEMA.apply_waiting_history('car');
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON :SCHEMA.clients
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes')
  EXECUTE FUNCTION :SCHEMA.apply_waiting_history('client');
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON :SCHEMA.bookings
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes')
  EXECUTE FUNCTION :SCHEMA.apply_waiting_history('booking');

-- A sentence is added to those that mean nothing: what stands parked for it is done. Rows that somebody is at work on stay
-- parked, and so do all where one of them refuses its update; the sentence is added in any case.
CREATE OR REPLACE FUNCTION :SCHEMA.settle_ignored_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
BEGIN
  UPDATE history SET processed = false
  WHERE history.id IN (
    SELECT parked.id FROM history AS parked
    WHERE NOT parked.processed AND parked.reason LIKE E'unparsed\\_description%'
      AND EXISTS (SELECT FROM ignored WHERE left(parked.description, 10000) ~ ignored.pattern)
    FOR UPDATE OF parked SKIP LOCKED
  );
  RETURN NULL;
EXCEPTION
  WHEN OTHERS THEN
    RAISE WARNING 'the parked rows of history that mean nothing now stay parked: %; run them again: UPDATE history SET processed = false WHERE …', SQLERRM;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION :SCHEMA.settle_ignored_history() FROM PUBLIC;

CREATE OR REPLACE TRIGGER settle_ignored_history_trigger AFTER INSERT ON :SCHEMA.ignored_sentences
  REFERENCING NEW TABLE AS ignored FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.settle_ignored_history();
CREATE OR REPLACE TRIGGER settle_ignored_history_on_update_trigger AFTER UPDATE ON :SCHEMA.ignored_sentences
  REFERENCING NEW TABLE AS ignored FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.settle_ignored_history();
