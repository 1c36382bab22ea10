-- One writer of the log at a time: two statements that bring entries in opposite order of their records would lock each other
-- out. What the entries change is locked until the transaction ends, and so is this.

-- Waits until nobody else's transaction writes the log, for two seconds at most: whoever keeps one open must keep no entry
-- out. Whoever has waited in vain does not wait again for a minute.
CREATE OR REPLACE FUNCTION :SCHEMA.await_turn_at_history() RETURNS void
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
DECLARE
  place constant bigint := hashtextextended('jarvis.history', 'history'::regclass::bigint);
BEGIN
  IF NOT pg_try_advisory_xact_lock(place)
    AND coalesce(clock_timestamp() >= nullif(current_setting('jarvis.waits_again_at', true), '')::timestamptz, true)
  THEN
    PERFORM pg_advisory_xact_lock(place);
  END IF;
EXCEPTION
  WHEN OTHERS THEN
    PERFORM set_config('jarvis.waits_again_at', (clock_timestamp() + interval '1 minute')::text, false);
END
$$;

CREATE OR REPLACE FUNCTION :SCHEMA.take_turn_at_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  -- A record that arrives is locked already, and the entries that wait for it touch no other. It is mostly one's turn at once,
  -- and an expression costs less than the statement that PERFORM is.
  IF (TG_OP = 'INSERT' OR pg_trigger_depth() = 1)
    AND NOT pg_try_advisory_xact_lock(hashtextextended('jarvis.history', 'history'::regclass::bigint))
  THEN
    PERFORM await_turn_at_history();
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION :SCHEMA.take_turn_at_history() FROM PUBLIC;

CREATE OR REPLACE TRIGGER take_turn_at_history_trigger
  BEFORE INSERT OR UPDATE ON :SCHEMA.history
  FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.take_turn_at_history();
