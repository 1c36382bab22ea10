-- How the fields that a sentence of the operations log changes are written to the mirror.

-- What earlier versions called with other parameters.
DROP FUNCTION IF EXISTS :SCHEMA.apply_fields(regclass, text, timestamptz, jsonb);
DROP FUNCTION IF EXISTS :SCHEMA.apply_fields(regclass, text, timestamptz, text, jsonb);

-- A value of the log in a form that a column of the type reads, whatever the session's own zone and order of days are:
-- a moment is told in Tbilisi's time, which is what a column without a zone gets; 7,4 is 7.4. What has none of the forms
-- is put into quotes, in which it reads in no way: PostgreSQL would make something of NaN, 0x1F, 1e9999 and tomorrow, but
-- the log means nothing by them.
CREATE OR REPLACE FUNCTION :SCHEMA.log_value(said text, type regtype) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE
    WHEN said = '' THEN NULL
    WHEN type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN coalesce(
      to_char(:SCHEMA.read_moment(said) AT TIME ZONE interval '4 hours', 'YYYY-MM-DD"T"HH24:MI:SS.US"+04"'),
      format('"%s"', said)
    )
    WHEN type = 'numeric'::regtype AND said ~ '^-?[0-9]{1,18}([.,][0-9]{1,9})?$' THEN replace(said, ',', '.')
    WHEN type IN ('int'::regtype, 'bigint'::regtype) AND said ~ '^-?[0-9]{1,18}$' THEN said
    WHEN type IN ('numeric'::regtype, 'int'::regtype, 'bigint'::regtype) THEN format('"%s"', said)
    ELSE said
  END;

-- Whether the entry of one number comes after that of another, or is the same; without a number, whichever arrives later.
CREATE OR REPLACE FUNCTION :SCHEMA.comes_after(number text, other text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(
    (length(ltrim(number, '0')), ltrim(number, '0') COLLATE "C") >= (length(ltrim(other, '0')), ltrim(other, '0') COLLATE "C"),
    true
  );

-- Sets fields of a record, which is `known`, as an entry of the log says them, which was made at `made_at` and has
-- RentProg's `number`. Answers how many of the fields it set, or null where the record has changed since it was seen. What a newer entry or a newer fetch said of a field stays as it
-- is; so does any value where nobody knows when the entry was made (`-infinity`). Fields that have a column go there, typed,
-- and all of them go to data; a value that the column's type does not read raises.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_fields(place text, known jsonb, made_at timestamptz, number text, fields jsonb)
RETURNS int
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  record_id   constant text := known ->> 'rentprog_id';
  is_static   boolean       := current_setting('jarvis.by_name', true) IS DISTINCT FROM 'yes';
  seen_at     constant text := known ->> 'ctid';
  written     int           := 0;
  field       record;
  type        regtype;
  last_at     timestamptz;
  last_number text;
  changed     int;
  -- Of the fields that are set: when that was said, by which entry, and what goes to columns and to data.
  times       jsonb         := '{}';
  entries     jsonb         := '{}';
  typed       jsonb         := '{}';
  patch       jsonb         := '{}';
BEGIN
  known := known - 'ctid';
  IF made_at < (known ->> 'fetched_at')::timestamptz THEN
    RETURN 0;
  END IF;

  FOR field IN
    SELECT one.key, one.value AS said, (
      SELECT own.atttypid::regtype FROM pg_attribute AS own
      WHERE own.attrelid = place::regclass AND own.attname = one.key AND own.attnum > 0 AND NOT own.attisdropped
        -- The mirror's own book-keeping is no field of a record.
        AND own.attname NOT IN (
          'id', 'rentprog_id', 'branch', 'data', 'fetched_at', 'field_times', 'field_entries', 'created_at', 'updated_at'
        )
    ) AS type
    FROM jsonb_each_text(fields) AS one
  LOOP
    -- A time that is still to come says nothing: no entry was made then. By the clock, because others may have committed
    -- since this transaction began.
    last_at := known -> 'field_times' ->> field.key;
    IF last_at > clock_timestamp() THEN
      last_at := NULL;
    END IF;
    last_number := known -> 'field_entries' ->> field.key;
    IF NOT coalesce(
      CASE
        WHEN made_at = last_at THEN comes_after(number, last_number)
        WHEN last_at IS NOT NULL THEN made_at > last_at
        ELSE made_at > '-infinity' OR coalesce(known ->> field.key, known -> 'data' ->> field.key) IS NULL
      END,
      false
    ) THEN
      CONTINUE;
    END IF;

    type := field.type;
    IF type IS NOT NULL THEN
      typed     := typed || jsonb_build_object(field.key, CASE
        -- When the entry was made reads as it stands.
        WHEN type = 'timestamptz'::regtype AND made_at > '2000-01-01Z' AND field.said = to_jsonb(made_at) #>> '{}' THEN field.said
        ELSE log_value(field.said, type)
      END);
      is_static := is_static AND has_column(place, field.key);
    END IF;
    IF field.key <> 'deleted_at' THEN
      patch := patch || jsonb_build_object(field.key, CASE
        WHEN field.said = '' THEN 'null'
        WHEN type IN ('int'::regtype, 'bigint'::regtype, 'numeric'::regtype)
          OR type IS NULL AND jsonb_typeof(known -> 'data' -> field.key) = 'number'
            AND field.said ~ '^-?[0-9]{1,30}([.,][0-9]{1,30})?$'
          THEN to_jsonb(log_value(field.said, 'numeric')::numeric)
        WHEN type = 'boolean'::regtype
          OR type IS NULL AND jsonb_typeof(known -> 'data' -> field.key) = 'boolean' AND field.said IN ('true', 'false')
          THEN to_jsonb(field.said::boolean)
        ELSE to_jsonb(field.said)
      END);
    END IF;
    times   := times || jsonb_build_object(field.key, made_at);
    entries := entries || jsonb_build_object(field.key, number);
    written := written + 1;
  END LOOP;

  IF written > 0 AND is_static THEN
    RETURN CASE WHEN write_columns(place, record_id, seen_at, typed, patch, times, entries) THEN written END;
  ELSIF written > 0 THEN
    EXECUTE format(
      'UPDATE %1$I AS mirror SET %2$s %3$s
         data          = coalesce(mirror.data, ''{}'') || $3,
         field_times   = coalesce(mirror.field_times, ''{}'') || $4,
         field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, ''{}'') || $5),
         updated_at    = now()
       FROM jsonb_populate_record(NULL::%1$I, $2) AS fresh
       WHERE mirror.rentprog_id = $1 AND mirror.ctid::text = $6',
      place,
      (SELECT string_agg(format('%1$I = fresh.%1$I, ', own.field), '') FROM jsonb_object_keys(typed) AS own (field)),
      -- A company_id also moves the record to that company's branch.
      CASE WHEN typed ? 'company_id' THEN
        'branch = coalesce(
           (SELECT branches.code FROM branches WHERE branches.company_id = fresh.company_id), mirror.branch
         ),'
      END
    ) USING record_id, typed, patch, times, entries, seen_at;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN CASE WHEN changed > 0 THEN written END;
  END IF;
  RETURN written;
END
$$;
