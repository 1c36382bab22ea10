-- History: each entry of the operations log is read and applied the moment it is written, service or no service.

-- One attempt at an entry: reads it, applies it, and says in the row how that went. Whatever goes wrong is undone and
-- becomes the reason.
CREATE OR REPLACE FUNCTION process_history(entry history) RETURNS history
LANGUAGE plpgsql
SET search_path = public, pg_temp
-- Tells the triggers of the mirror whose change they see.
SET jarvis.applying = 'yes'
SET lock_timeout = '2s'
AS $$
DECLARE
  said    jsonb;
  lacking text;
BEGIN
  entry.ok              := false;
  entry.processed       := false;
  entry.processed_at    := NULL;
  entry.next_attempt_at := 'infinity';

  IF coalesce(entry.description, '') !~ '[^\s\u0085\u00a0\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]' THEN
    entry.reason := 'empty_description';
    RETURN entry;
  END IF;
  said := parse_history_description(entry.description);
  IF said IS NULL THEN
    entry.reason := 'unparsed_description: "' || left(entry.description, 200) || '"';
    RETURN entry;
  END IF;

  -- Soon, and each time a little later: the service says when exactly.
  entry.next_attempt_at := now() + interval '30 seconds';

  -- Two seconds for a statement, not for each of its thousand rows.
  IF current_setting('jarvis.waited_for_lock', true) = 'yes' THEN
    PERFORM set_config('lock_timeout', '1ms', true);
  END IF;

  entry.branch      := coalesce(nullif(btrim(entry.branch), ''), (SELECT code FROM branches WHERE company_id = entry.company_id));
  entry.entity_type := coalesce(nullif(entry.entity_type, ''), said ->> 'entity_type');
  entry.entity_id   := coalesce(nullif(entry.entity_id, ''), said ->> 'entity_id');
  entry.user_name   := coalesce(nullif(entry.user_name, ''), said ->> 'user_name');

  lacking := apply_history(entry, said);
  IF lacking IS NOT NULL THEN
    entry.reason          := 'entity_not_found: ' || lacking;
    entry.next_attempt_at := now() + interval '1 minute';
  ELSE
    entry.processed       := true;
    entry.ok              := true;
    entry.reason          := NULL;
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
    entry.reason := left('internal_error: ' || SQLSTATE || ' ' || SQLERRM, 500);
    RETURN entry;
END
$$;

CREATE OR REPLACE FUNCTION auto_process_history() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  NEW.processed := coalesce(NEW.processed, false);
  IF NEW.processed OR TG_OP = 'UPDATE' AND NEW.attempts IS DISTINCT FROM OLD.attempts THEN
    RETURN NEW;
  END IF;
  NEW.attempts   := 0;
  -- Without a time of its own an entry was made when it was written down.
  NEW.created_at := coalesce(NEW.created_at, NEW.ts, now());
  NEW            := process_history(NEW);
  PERFORM pg_notify('history_item_processed', format(
    '%s|%s|%s|%s', NEW.id, left(NEW.branch, 100), left(NEW.entity_type, 100), left(NEW.entity_id, 100)
  ));
  RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER auto_process_history_trigger
  BEFORE INSERT OR UPDATE ON history
  FOR EACH ROW EXECUTE FUNCTION auto_process_history();

-- A record arrives, by whatever way: what waited for it applies. Rows that somebody is at work on are left to the sweep.
CREATE OR REPLACE FUNCTION apply_waiting_history() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
BEGIN
  UPDATE history SET processed = false
  WHERE id IN (
    SELECT history.id
    FROM arrived JOIN history ON reason = 'entity_not_found: ' || TG_ARGV[0] || ' ' || arrived.rentprog_id
    WHERE NOT processed AND reason LIKE 'entity\_not\_found%'
    FOR UPDATE OF history SKIP LOCKED
  );
  RETURN NULL;
EXCEPTION
  -- Whoever may write records need not have rights on the log, and a locked log must not keep a record out.
  WHEN insufficient_privilege OR lock_not_available OR deadlock_detected THEN
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON cars
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION apply_waiting_history('car');
CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON clients
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION apply_waiting_history('client');
CREATE OR REPLACE TRIGGER apply_waiting_history_trigger AFTER INSERT ON bookings
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION apply_waiting_history('booking');

-- A record that was there under another number arrives, too, as does one that was written while its entry was on its way.
-- Not where the log itself changes a record: the entries of a statement must not be touched within it.
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON cars
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes') EXECUTE FUNCTION apply_waiting_history('car');
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON clients
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes') EXECUTE FUNCTION apply_waiting_history('client');
CREATE OR REPLACE TRIGGER apply_waiting_history_on_update_trigger AFTER UPDATE ON bookings
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT
  WHEN (current_setting('jarvis.applying', true) IS DISTINCT FROM 'yes') EXECUTE FUNCTION apply_waiting_history('booking');

-- Entries that were waiting before Jarvis came are entries like any other.
UPDATE history SET processed = false WHERE NOT processed;
