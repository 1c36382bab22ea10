-- Events: normalised the moment they are written, whoever writes them and whether or not the service runs.

-- `car_update` for `car.update`, `carupdate`, `Car_Update`; null for what is none of the nine types.
CREATE OR REPLACE FUNCTION :SCHEMA.event_type(spelling text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT type.matched[1] || '_' || type.matched[2]
  FROM regexp_match(
    lower(regexp_replace(left(spelling, 100), '[\s_.:/-]', '', 'g') COLLATE "C"),
    '^(car|client|booking)(create|update|destroy)$'
  ) AS type (matched);
END;

-- The branch that the mirror has a record in. One statement for each table: whoever holds one of them holds up no other.
CREATE OR REPLACE FUNCTION :SCHEMA.mirror_branch(entity_type text, entity_id text) RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  IF entity_type = 'car' THEN
    RETURN (SELECT cars.branch FROM cars WHERE cars.rentprog_id = entity_id);
  ELSIF entity_type = 'client' THEN
    RETURN (SELECT clients.branch FROM clients WHERE clients.rentprog_id = entity_id);
  ELSIF entity_type = 'booking' THEN
    RETURN (SELECT bookings.branch FROM bookings WHERE bookings.rentprog_id = entity_id);
  END IF;
  RETURN NULL;
END
$$;

-- The branch of an event that names none, as far as the tables know it: that of its company; the one that the address of the
-- webhook names, where it is one; that of its record; that of the car or the client of its booking. RentProg often leaves
-- company_id out.
CREATE OR REPLACE FUNCTION :SCHEMA.event_branch(
  object jsonb, company_id bigint, metadata jsonb, entity_type text, entity_id text
) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  company constant text := id_text(object -> 'company_id');
  named   constant text := id_text(metadata -> 'branch');
  code    text;
BEGIN
  IF company ~ '^[0-9]{1,18}$' THEN
    SELECT nullif(branches.code, '') INTO code FROM branches WHERE branches.company_id = company::bigint;
  END IF;
  IF code IS NULL AND company_id IS NOT NULL THEN
    SELECT nullif(branches.code, '') INTO code FROM branches WHERE branches.company_id = company_id;
  END IF;
  IF code IS NULL AND named <> '' THEN
    SELECT branches.code INTO code FROM branches WHERE branches.code = named LIMIT 1;
  END IF;
  RETURN coalesce(
    code,
    mirror_branch(entity_type, entity_id),
    CASE WHEN entity_type = 'booking' THEN
      coalesce(mirror_branch('car', id_text(object -> 'car_id')), mirror_branch('client', id_text(object -> 'client_id')))
    END
  );
END
$$;
DROP FUNCTION IF EXISTS :SCHEMA.event_branch(text, text, text);

-- What nearly every row needs stands here in plain expressions: a function that PostgreSQL cannot inline, and a regular
-- expression, would each cost more than all the rest, most of all in the subtransaction of an exception block. Those are left to
-- rows that are not so plain. A test holds the two ways together.
CREATE OR REPLACE FUNCTION :SCHEMA.auto_process_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
DECLARE
  object      jsonb;
  arrays      jsonb;
  field       text;
  known_type  text;
  entity_type text;
  company     text;
  problem     text;
  due_at      timestamptz := now();
  adopting    boolean     := false;
  notified    boolean;
BEGIN
  NEW.processed := false;
  IF TG_OP = 'UPDATE' THEN
    -- The service's own book-keeping. A company's own column may hold nulls.
    IF NEW.revision > coalesce(OLD.revision, 0) THEN
      RETURN NEW;
    END IF;
    -- A payload that nobody touched is read again from what was received: last_of_arrays works only once.
    IF NEW.payload IS NOT DISTINCT FROM OLD.payload THEN
      NEW.payload := coalesce(OLD.payload_received, NEW.payload);
    END IF;
    adopting := coalesce(current_setting('jarvis.adopting', true), '') = 'yes';
    -- Not when the transaction began: the record may have been fetched since, and this wants it fetched again.
    IF NOT adopting THEN
      due_at := clock_timestamp();
    END IF;
  END IF;

  NEW.payload_received := NEW.payload;
  NEW.ok               := NULL;
  NEW.reason           := NULL;
  NEW.attempts         := 0;
  NEW.next_attempt_at  := due_at;
  NEW.processed_at     := NULL;

  BEGIN
    IF jsonb_typeof(NEW.payload) = 'object' THEN
      object := NEW.payload;
      IF jsonb_path_exists(object, 'strict $.* ? (@.type() == "array")') THEN
        arrays := jsonb_path_query_array(object, 'strict $.keyvalue() ? (@.value.type() == "array").key');
        -- Cheaper than a statement, as long as they are few: each turn copies the object.
        IF jsonb_array_length(arrays) <= 10 THEN
          FOR n IN 0 .. jsonb_array_length(arrays) - 1 LOOP
            field  := arrays ->> n;
            object := jsonb_set(object, ARRAY[field], coalesce(object -> field -> -1, 'null'));
          END LOOP;
        ELSE
          object := last_of_arrays(object);
        END IF;
        NEW.payload := object;
      END IF;
    ELSE
      object      := last_of_arrays(read_payload(NEW.payload));
      NEW.payload := coalesce(object, NEW.payload);
    END IF;
    known_type := CASE
      WHEN NEW.type IN (
        'car_create', 'car_update', 'car_destroy', 'client_create', 'client_update', 'client_destroy',
        'booking_create', 'booking_update', 'booking_destroy'
      ) THEN NEW.type
      ELSE event_type(NEW.type)
    END;
    NEW.type    := coalesce(known_type, NEW.type);
    entity_type := split_part(known_type, '_', 1);
    NEW.ext_id  := coalesce(
      nullif(btrim(NEW.ext_id), ''),
      nullif(btrim(id_text(object -> 'id')), ''),
      nullif(btrim(id_text(object -> (entity_type || '_id'))), '')
    );
    problem     := CASE
      WHEN object IS NULL THEN
        'invalid_payload: ' || coalesce('a JSON ' || jsonb_typeof(NEW.payload), 'nothing')
        || ' that is no object, no JSON text of one and no Ruby hash'
      WHEN known_type IS NULL THEN
        'unknown_event_type: ' || coalesce('"' || left(NEW.type, 100) || '"', 'none given')
      WHEN NEW.ext_id IS NULL THEN
        'missing_ext_id: neither ext_id nor the payload''s id or ' || entity_type || '_id is given'
      WHEN length(NEW.ext_id) <= 64 AND ltrim(NEW.ext_id, '0123456789') = '' THEN NULL
      WHEN NEW.ext_id !~ '^[A-Za-z0-9_-]{1,64}$' THEN
        'invalid_payload: ext_id "' || left(NEW.ext_id, 100) || '" (' || length(NEW.ext_id)
        || ' characters) is no id of RentProg'
    END;

    NEW.branch := nullif(btrim(NEW.branch), '');
    IF NEW.branch IS NULL THEN
      -- Two seconds for a statement, not for each of its thousand rows.
      IF current_setting('jarvis.waited_for_lock', true) = 'yes' THEN
        PERFORM set_config('lock_timeout', '1ms', true);
      END IF;
      company := id_text(object -> 'company_id');
      IF length(company) BETWEEN 1 AND 18 AND ltrim(company, '0123456789') = '' THEN
        SELECT nullif(branches.code, '') INTO NEW.branch FROM branches WHERE branches.company_id = company::bigint;
      END IF;
      IF NEW.branch IS NULL THEN
        NEW.branch := event_branch(object, NEW.company_id, NEW.metadata, entity_type, NEW.ext_id);
      END IF;
    END IF;
    -- The service asks RentProg.
    IF NEW.branch IS NULL THEN
      NEW.ok     := false;
      NEW.reason := 'unknown_branch: not asked yet';
    -- The fields of a notification are parted by | and must fit into its 8000 bytes.
    ELSIF length(NEW.branch) > 100 OR position('|' IN NEW.branch) > 0 THEN
      problem := coalesce(problem, 'unknown_branch: "' || left(NEW.branch, 100) || '" is no branch code');
    END IF;
  EXCEPTION
    WHEN lock_not_available OR deadlock_detected OR insufficient_privilege THEN
      IF SQLSTATE = '55P03' THEN
        PERFORM set_config('jarvis.waited_for_lock', 'yes', true);
      END IF;
      NEW.ok              := false;
      NEW.reason          := 'database_error: ' || SQLERRM;
      NEW.next_attempt_at := now() + interval '30 seconds';
    WHEN OTHERS THEN
      NEW.ok              := false;
      NEW.reason          := 'internal_error: ' || SQLSTATE || ' ' || SQLERRM;
      NEW.next_attempt_at := now() + interval '30 seconds';
  END;
  -- After the block: what is wrong with the row itself stands, whatever kept its branch from being found.
  IF problem IS NOT NULL THEN
    NEW.ok              := false;
    NEW.reason          := problem;
    NEW.next_attempt_at := 'infinity';
  -- Whoever adopts old rows tells of them once for all.
  ELSIF NOT adopting AND (NEW.reason IS NULL OR NEW.reason LIKE E'unknown\\_branch%') THEN
    -- An expression costs less than the statement that PERFORM is.
    notified := pg_notify(
      notification_channel('rentprog_event_auto_process'),
      concat(NEW.id, '|', NEW.branch, '|', NEW.type, '|', NEW.ext_id)
    ) IS NOT NULL;
  END IF;
  RETURN NEW;
END
$$;
-- It runs with its owner's rights, whoever inserts. Nobody else may hang it on a table of their own.
REVOKE ALL ON FUNCTION :SCHEMA.auto_process_event() FROM PUBLIC;

CREATE OR REPLACE TRIGGER auto_process_event_trigger
  BEFORE INSERT OR UPDATE ON :SCHEMA.events
  FOR EACH ROW WHEN (NEW.processed IS NOT TRUE) EXECUTE FUNCTION :SCHEMA.auto_process_event();
