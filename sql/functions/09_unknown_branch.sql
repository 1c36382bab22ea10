-- Events whose branch nobody knew run again when something tells it. Rows that somebody is at work on are left to the sweep,
-- and so are all beyond a thousand: whoever writes a record or a company does not wait for them.

-- A record arrives: its branch is that of its events.
CREATE OR REPLACE FUNCTION :SCHEMA.run_events_of_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
BEGIN
  UPDATE events SET processed = false
  WHERE events.id IN (
    SELECT waiting.id
    FROM arrived JOIN events AS waiting ON left(waiting.ext_id, 64) = arrived.rentprog_id
    WHERE NOT waiting.processed AND waiting.reason LIKE E'unknown\\_branch%' AND waiting.branch IS NULL
      AND split_part(waiting.type, '_', 1) = TG_ARGV[0] AND arrived.branch IS NOT NULL
    LIMIT 1000
    FOR NO KEY UPDATE OF waiting SKIP LOCKED
  );
  RETURN NULL;
EXCEPTION
  -- A row that refuses its update must not keep a record out.
  WHEN OTHERS THEN
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION :SCHEMA.run_events_of_record() FROM PUBLIC;

CREATE OR REPLACE TRIGGER run_events_of_record_trigger AFTER INSERT ON :SCHEMA.cars
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.run_events_of_record('car');
CREATE OR REPLACE TRIGGER run_events_of_record_trigger AFTER INSERT ON :SCHEMA.clients
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.run_events_of_record('client');
CREATE OR REPLACE TRIGGER run_events_of_record_trigger AFTER INSERT ON :SCHEMA.bookings
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.run_events_of_record('booking');

-- A company is added, or gets another code.
CREATE OR REPLACE FUNCTION :SCHEMA.run_events_of_company() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
BEGIN
  UPDATE events SET processed = false
  WHERE events.id IN (
    SELECT waiting.id FROM events AS waiting
    WHERE NOT waiting.processed AND waiting.reason LIKE E'unknown\\_branch%' AND waiting.branch IS NULL
      AND EXISTS (
        SELECT FROM arrived
        WHERE arrived.company_id::text IN (id_text(waiting.payload -> 'company_id'), waiting.company_id::text)
          OR arrived.code = id_text(waiting.metadata -> 'branch')
      )
    LIMIT 1000
    FOR NO KEY UPDATE OF waiting SKIP LOCKED
  );
  RETURN NULL;
EXCEPTION
  WHEN OTHERS THEN
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION :SCHEMA.run_events_of_company() FROM PUBLIC;

CREATE OR REPLACE TRIGGER run_events_of_company_trigger AFTER INSERT ON :SCHEMA.branches
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.run_events_of_company();
CREATE OR REPLACE TRIGGER run_events_of_company_on_update_trigger AFTER UPDATE ON :SCHEMA.branches
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION :SCHEMA.run_events_of_company();
