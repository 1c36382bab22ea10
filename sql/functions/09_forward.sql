-- Forwarding: while another system still receives the webhooks, what it writes into its own tables becomes rows of events and
-- history as well. jarvis forward puts the triggers there. Whoever writes there needs no right here, and is never failed.

-- What forwarding reads of a row, whichever of the columns there are. In jsonb nothing can be that json takes all the same,
-- \u0000 and half a character: of such a row each column is a text. PostgreSQL's own timestamp has no zone and is the session's
-- that wrote it; whatever else has none is RentProg's.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_reads(own anyelement) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  said    jsonb;
  fields  text;
  raw     text;
  made_at text;
BEGIN
  BEGIN
    said := to_jsonb(own);
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    SELECT string_agg(
      format(
        CASE WHEN field.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) THEN '%L, to_jsonb(($1).%I)' ELSE '%L, ($1).%I::text' END,
        field.attname, field.attname
      ), ', '
    ) INTO fields
    FROM pg_attribute AS field JOIN pg_type AS type ON type.typrelid = field.attrelid
    WHERE type.oid = pg_typeof(own) AND field.attnum > 0 AND NOT field.attisdropped AND field.attname IN (
      'id', 'ts', 'event_name', 'type', 'rentprog_id', 'ext_id', 'company_id', 'branch', 'payload', 'description', 'operation_id',
      'created_at'
    );
    EXECUTE format('SELECT jsonb_build_object(%s)', fields) INTO said USING own;
  END;
  raw     := coalesce(said #>> '{raw_data,attributes,created_at}', said #>> '{raw_data,created_at}');
  made_at := coalesce(said ->> 'created_at', raw, said ->> 'ts');
  IF said ? 'description' AND made_at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+$' AND EXISTS (
    SELECT FROM pg_attribute AS field JOIN pg_type AS type ON type.typrelid = field.attrelid
    WHERE type.oid = pg_typeof(own) AND field.atttypid = 'timestamp'::regtype
      AND field.attname = CASE WHEN said ->> 'created_at' IS NOT NULL THEN 'created_at' WHEN raw IS NULL THEN 'ts' END
  ) THEN
    made_at := to_char(made_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  END IF;
  RETURN jsonb_build_object(
    'id', said -> 'id', 'ts', said -> 'ts', 'event_name', said -> 'event_name', 'type', said -> 'type',
    'rentprog_id', said -> 'rentprog_id', 'ext_id', said -> 'ext_id', 'company_id', said -> 'company_id',
    'branch', said -> 'branch', 'payload', said -> 'payload', 'description', said -> 'description',
    'operation_id', said -> 'operation_id',
    'made_at', made_at
  );
END
$$;

-- The receipt of the first row that came from a row of another table.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_receipt(source text, source_id text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
  RETURN left(encode(sha256(convert_to(source || ' ' || source_id, 'UTF8')), 'hex'), 32)::uuid;

-- Writes one row, and answers whether it was not here yet. The first one of its origin has a receipt, which tells whoever copies
-- that it is there. Those that follow, where that system overwrites its row, have none in events, where one too many does no
-- harm; in history they have one of their own sentence, which is written once.
CREATE OR REPLACE FUNCTION :SCHEMA.forward(source text, target text, said jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  first   uuid           := forward_receipt(source, said ->> 'id');
  origin  constant jsonb := jsonb_build_object('source_table', source, 'source_id', said ->> 'id');
  company constant text  := said ->> 'company_id';
  made_at constant text  := said ->> 'made_at';
  ext_id  text;
BEGIN
  IF target = 'history' THEN
    IF EXISTS (
      SELECT FROM history WHERE history.receipt = first AND history.description IS NOT DISTINCT FROM said ->> 'description'
    ) THEN
      RETURN false;
    END IF;
    IF EXISTS (SELECT FROM history WHERE history.receipt = first) THEN
      first := forward_receipt(source, concat(said ->> 'id', ' ', said ->> 'description'));
      IF EXISTS (SELECT FROM history WHERE history.receipt = first) THEN
        RETURN false;
      END IF;
    END IF;
    INSERT INTO history (branch, company_id, operation_id, description, created_at, metadata, receipt)
    VALUES (
      said ->> 'branch', CASE WHEN company ~ '^[0-9]{1,18}$' THEN company::bigint END, said ->> 'operation_id',
      said ->> 'description',
      -- One whose time does not read is older than all others.
      CASE WHEN made_at IS NOT NULL THEN coalesce(read_moment(made_at), '-infinity') END,
      origin, first
    );
    RETURN true;
  END IF;

  IF EXISTS (SELECT FROM events WHERE events.receipt = first) THEN
    first := NULL;
  END IF;
  ext_id := coalesce(nullif(btrim(said ->> 'rentprog_id'), ''), nullif(btrim(said ->> 'ext_id'), ''));
  INSERT INTO events (branch, type, ext_id, company_id, payload, metadata, receipt)
  VALUES (
    said ->> 'branch', coalesce(said ->> 'event_name', said ->> 'type'), ext_id,
    CASE WHEN company ~ '^[0-9]{1,18}$' THEN company::bigint END,
    -- That the record changed is all that an event has to say.
    coalesce(nullif(said -> 'payload', 'null'), CASE WHEN ext_id IS NOT NULL THEN jsonb '{}' END),
    origin, first
  );
  RETURN true;
END
$$;

-- Why a row was not written, for whoever asks for health: PostgreSQL's words, in any language, where they quote nothing of the row.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_why(state text, message text, context text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN (state ~ '^(23|25|40|53|55|57|58)' OR state IN ('42501', '42703', '42P01')) AND context !~ '\mRAISE\M'
      THEN message || ' (' || state || ')'
    ELSE 'error ' || state
  END;

-- Whether a row that is lost can be found by its ts: it is of about now, and no overwritten row has the same. A time without a
-- zone may be a day off.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_finds(said jsonb, before jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  RETURN coalesce(
    said ->> 'id' IS NOT NULL AND before -> 'ts' IS DISTINCT FROM said -> 'ts'
    AND (said ->> 'ts')::timestamptz >= clock_timestamp() - CASE
      WHEN said ->> 'ts' !~ 'T.*[-+][0-9:]+$' THEN interval '2 days'
      WHEN before IS NULL THEN interval '1 day'
      ELSE interval '1 hour'
    END,
    false
  );
EXCEPTION WHEN OTHERS OR assert_failure THEN
  RETURN false;
END
$$;

-- The trigger on another system's table; its arguments are that table and events or history. An UPDATE counts where it brings
-- another payload, type or time: such systems keep one row a record, and mark it as processed in between. Only that a statement
-- is cancelled is let through: somebody wants it to end.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  source  constant text    := TG_ARGV[0];
  target  constant text    := TG_ARGV[1];
  -- Whoever waited in vain once does not wait again in the same transaction.
  waited  constant boolean := coalesce(current_setting('jarvis.forward_waited', true), '') = '1';
  unnoted constant boolean := coalesce(current_setting('jarvis.forward_unnoted', true), '') = '1';
  patience constant text   := current_setting('lock_timeout');
  said    jsonb;
  before  jsonb;
  done    boolean := false;
  state   text;
  message text;
  context text;
BEGIN
  -- It is not their table: not as long as others wait, and two waits are half of what the statement may take.
  PERFORM set_config('lock_timeout', ceil(least(
    500, nullif(extract(epoch FROM patience::interval), 0) * 1000,
    nullif(extract(epoch FROM current_setting('statement_timeout')::interval), 0) * 250
  ))::text, true);

  BEGIN
    said := forward_reads(NEW);
    IF TG_OP = 'UPDATE' THEN
      before := forward_reads(OLD);
      done   := CASE target
        WHEN 'history' THEN before -> 'description' = said -> 'description'
        ELSE before -> 'payload' = said -> 'payload' AND before -> 'ts' = said -> 'ts'
          AND before -> 'type' = said -> 'type' AND before -> 'event_name' = said -> 'event_name'
      END;
    END IF;
    IF NOT done AND NOT waited THEN
      IF EXISTS (SELECT FROM forwarded_tables AS forwarded WHERE forwarded.source = source) THEN
        PERFORM forward(source, target, said);
      END IF;
      done := true;
    END IF;
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
    IF state IN ('55P03', '40P01') THEN
      PERFORM set_config('jarvis.forward_waited', '1', true);
    END IF;
  END;

  IF NOT done THEN
    BEGIN
      IF unnoted THEN
        RAISE lock_not_available;
      END IF;
      INSERT INTO forward_misses (source, target, said, why) VALUES (
        source, target, said, coalesce(forward_why(state, message, context), 'a row before it waited for a lock in vain')
      );
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      IF SQLSTATE IN ('55P03', '40P01') THEN
        PERFORM set_config('jarvis.forward_unnoted', '1', true);
      END IF;
      BEGIN
        PERFORM nextval('forward_losses');
        IF NOT forward_finds(said, before) THEN
          PERFORM nextval('forward_unfindable');
        END IF;
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        NULL;
      END;
      RAISE WARNING 'a row of % was not forwarded to Jarvis, nor noted (error %); Jarvis''s health says what comes of it', source, SQLSTATE;
    END;
  END IF;
  PERFORM set_config('lock_timeout', patience, true);
  RETURN NULL;
END
$$;
-- It runs with its owner's rights, whoever writes. Nobody else may hang it on a table of their own.
REVOKE ALL ON FUNCTION :SCHEMA.forward_row() FROM PUBLIC;
