-- What a sentence of the operations log changes, and how that is written to the mirror.

-- What earlier versions called with other parameters.
DROP FUNCTION IF EXISTS :SCHEMA.apply_fields(regclass, text, timestamptz, jsonb);
DROP FUNCTION IF EXISTS :SCHEMA.history_effects(jsonb, timestamptz);

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

-- Sets fields of a record as an entry of the log says them, which was made at `made_at` and has RentProg's `number`. Answers
-- {field: [old, new]}, or null where the mirror lacks the record, and how many of the fields it set. What a newer entry or a
-- newer fetch said of a field stays as it is; so does any value where nobody knows when the entry was made (`-infinity`).
-- Fields that have a column go there, typed, and all of them go to data; a value that the column's type does not read raises.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_fields(
  mirror_table regclass, record_id text, made_at timestamptz, number text, fields jsonb,
  OUT changes jsonb, OUT written int
)
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- The whole record as it stands.
  known   jsonb;
  -- Of the fields that are set: when that was said, by which entry, and what goes to columns and to data.
  newer   jsonb;
  entries jsonb;
  typed   jsonb;
  patch   jsonb;
  sets    text;
BEGIN
  EXECUTE format('SELECT to_jsonb(mirror.*) FROM %s AS mirror WHERE mirror.rentprog_id = $1 FOR UPDATE', mirror_table)
  INTO known USING record_id;
  IF known IS NULL THEN
    RETURN;
  END IF;

  SELECT
    jsonb_object_agg(field.key, made_at),
    jsonb_object_agg(field.key, number),
    jsonb_object_agg(field.key, log_value(field.value, own.type)) FILTER (WHERE own.type IS NOT NULL),
    jsonb_object_agg(
      field.key,
      CASE
        WHEN field.value = '' THEN 'null'
        WHEN own.type IN ('int'::regtype, 'bigint'::regtype, 'numeric'::regtype)
          OR own.type IS NULL AND jsonb_typeof(known -> 'data' -> field.key) = 'number'
            AND field.value ~ '^-?[0-9]{1,30}([.,][0-9]{1,30})?$'
          THEN to_jsonb(log_value(field.value, 'numeric')::numeric)
        WHEN own.type = 'boolean'::regtype
          OR own.type IS NULL AND jsonb_typeof(known -> 'data' -> field.key) = 'boolean' AND field.value IN ('true', 'false')
          THEN to_jsonb(field.value::boolean)
        ELSE to_jsonb(field.value)
      END
    ) FILTER (WHERE field.key <> 'deleted_at'),
    string_agg(format('%1$I = fresh.%1$I, ', field.key), '') FILTER (WHERE own.type IS NOT NULL),
    count(*)
  INTO newer, entries, typed, patch, sets, written
  FROM jsonb_each_text(fields) AS field
  LEFT JOIN LATERAL (
    SELECT pg_attribute.atttypid::regtype AS type FROM pg_attribute
    WHERE pg_attribute.attrelid = mirror_table AND pg_attribute.attname = field.key
      AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
      -- The mirror's own book-keeping is no field of a record.
      AND pg_attribute.attname NOT IN (
        'id', 'rentprog_id', 'branch', 'data', 'fetched_at', 'field_times', 'field_entries', 'created_at', 'updated_at'
      )
  ) AS own ON true
  CROSS JOIN LATERAL (
    SELECT known -> 'field_entries' ->> field.key AS number,
      -- A time that is still to come says nothing: no entry was made then. By the clock, because others may have committed
      -- since this transaction began.
      CASE WHEN (known -> 'field_times' ->> field.key)::timestamptz <= clock_timestamp() THEN
        (known -> 'field_times' ->> field.key)::timestamptz
      END AS at
  ) AS last
  WHERE made_at >= coalesce((known ->> 'fetched_at')::timestamptz, '-infinity')
    AND CASE
      WHEN made_at = last.at THEN comes_after(number, last.number)
      WHEN last.at IS NOT NULL THEN made_at > last.at
      ELSE made_at > '-infinity' OR coalesce(known ->> field.key, known -> 'data' ->> field.key) IS NULL
    END;

  IF newer IS NOT NULL THEN
    EXECUTE format(
      'UPDATE %1$s AS mirror SET %2$s %3$s
         data          = coalesce(mirror.data, ''{}'') || coalesce($3, ''{}''),
         field_times   = coalesce(mirror.field_times, ''{}'') || $4,
         field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, ''{}'') || $5),
         updated_at    = now()
       FROM jsonb_populate_record(NULL::%1$s, $2) AS fresh
       WHERE mirror.rentprog_id = $1',
      mirror_table,
      sets,
      -- A company_id also moves the record to that company's branch.
      CASE WHEN typed ? 'company_id' THEN
        'branch = coalesce(
           (SELECT branches.code FROM branches WHERE branches.company_id = fresh.company_id), mirror.branch
         ),'
      END
    ) USING record_id, coalesce(typed, '{}'), patch, newer, entries;
  END IF;
  changes := (
    SELECT coalesce(
      jsonb_object_agg(
        field.key, jsonb_build_array(coalesce(known -> field.key, known -> 'data' -> field.key), field.value)
      ),
      '{}'
    )
    FROM jsonb_each(fields) AS field
  );
END
$$;

-- What a sentence means for the records: the fields that each of them gets, null where it means nothing that is known.
-- `made_at` is null where nobody knows when the entry was made; what it deletes is gone at `gone_at`. `gives` is true where
-- cash goes from the person whom the sentence names first to the other.
CREATE OR REPLACE FUNCTION :SCHEMA.history_effects(said jsonb, gives boolean, made_at timestamptz, gone_at timestamptz)
RETURNS TABLE (record_id text, fields jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH sentence AS (
    SELECT said ->> 'entity_type' AS kind, said ->> 'operation' AS operation, said ->> 'entity_id' AS id,
      said ->> 'user_name' AS who, said ->> 'counterparty' AS other,
      jsonb_strip_nulls(coalesce(said -> 'payment', '{}') - 'ids') AS payment,
      jsonb_strip_nulls(jsonb_build_object('paid_at', made_at)) AS paid,
      coalesce(
        (
          SELECT jsonb_object_agg(field.name, coalesce(change.value ->> 'new', ''))
          FROM jsonb_each(said -> 'changes') AS change
          -- What RentProg calls the sum of a payment is its amount here.
          CROSS JOIN LATERAL unnest(
            CASE WHEN said ->> 'entity_type' = 'payment' AND change.key = 'sum' THEN '{sum,amount}' ELSE ARRAY[change.key] END
          ) AS field (name)
          -- Whether a record is gone, no change of a field says.
          WHERE change.key <> 'deleted_at'
        ),
        '{}'
      ) AS changes
  )
  SELECT sentence.id, CASE
    WHEN sentence.kind IN ('booking', 'car', 'client') THEN CASE
      WHEN sentence.operation = 'delete' THEN jsonb_build_object('deleted_at', gone_at)
      WHEN sentence.operation IN ('create', 'update') THEN sentence.changes
      WHEN sentence.kind <> 'booking' THEN CASE sentence.operation WHEN 'cancel' THEN sentence.changes END
      WHEN sentence.operation = 'issue' THEN '{"state": "Активная", "active": true, "in_rent": true}'
      WHEN sentence.operation IN ('return', 'complete') THEN '{"state": "Завершена", "active": false, "in_rent": false}'
      WHEN sentence.operation = 'cancel' THEN '{"state": "Отменена", "active": false, "in_rent": false}'
    END
    WHEN sentence.kind = 'payment' THEN sentence.changes || sentence.payment || CASE sentence.operation
      WHEN 'create' THEN sentence.paid || jsonb_strip_nulls(jsonb_build_object('user_name', sentence.who))
      WHEN 'update' THEN '{}'
      WHEN 'delete' THEN jsonb_build_object('deleted_at', gone_at)
      WHEN 'cancel' THEN jsonb_build_object('deleted_at', gone_at)
    END
    WHEN sentence.kind = 'maintenance' THEN CASE
      WHEN sentence.operation IN ('delete', 'cancel') THEN jsonb_build_object('deleted_at', gone_at)
      ELSE
        sentence.changes ||
        jsonb_strip_nulls(jsonb_build_object('car_id', said ->> 'car_id', 'description', said ->> 'text')) ||
        CASE sentence.operation
          WHEN 'create'   THEN jsonb_strip_nulls(jsonb_build_object('state', 'open', 'opened_at', made_at))
          WHEN 'update'   THEN '{}'
          WHEN 'complete' THEN jsonb_strip_nulls(jsonb_build_object('state', 'done', 'completed_at', made_at))
        END
    END
  END
  FROM sentence WHERE sentence.operation IS DISTINCT FROM 'transfer' OR sentence.kind IS DISTINCT FROM 'payment'
  UNION ALL
  -- A hand-over of cash is two payments: first an expense of whoever gave it, then an income of whoever took it.
  SELECT said #>> ARRAY['payment', 'ids', side.place], sentence.payment || sentence.paid || jsonb_build_object(
    'direction', side.direction,
    'user_name', CASE WHEN side.is_first THEN sentence.who ELSE sentence.other END,
    'counterparty', CASE WHEN side.is_first THEN sentence.other ELSE sentence.who END
  )
  FROM sentence
  CROSS JOIN (VALUES ('0', 'expense', gives), ('1', 'income', NOT gives)) AS side (place, direction, is_first)
  WHERE sentence.operation = 'transfer' AND sentence.kind = 'payment';
END;

-- Applies what a sentence says, and tells it in the timeline. Answers what the mirror lacks for that, as `car 59439`, or
-- null when it is done, and then whether all that it said was older than what the mirror has.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_history(
  entry :SCHEMA.history, said jsonb, OUT lacking text, OUT is_superseded boolean
)
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- None is made later than it arrives, and one of which nobody knows when is older than all others.
  made_at   constant timestamptz := CASE
    WHEN entry.created_at IS NULL THEN '-infinity'
    ELSE least(entry.created_at, entry.ts, now())
  END;
  known_at  constant timestamptz := CASE WHEN isfinite(made_at) THEN made_at END;
  arrived   constant timestamptz := CASE WHEN isfinite(entry.ts) THEN least(entry.ts, now()) ELSE now() END;
  kind      constant text        := said ->> 'entity_type';
  operation constant text        := said ->> 'operation';
  number    constant text        := left(nullif(btrim(entry.operation_id), ''), 64);
  -- Without a branch an operation_id says nothing: each branch has numbers of its own.
  entry_key constant text        := coalesce(left(nullif(entry.branch, ''), 64) || ':' || number, 'history:' || entry.id);
  place     constant text        := CASE kind
    WHEN 'car' THEN 'cars' WHEN 'client' THEN 'clients' WHEN 'booking' THEN 'bookings'
    WHEN 'payment' THEN 'payments' WHEN 'maintenance' THEN 'maintenance'
  END;
  effect    record;
  applied   record;
  -- How many fields it is about, and whether any of them was set, now or by an attempt before.
  wanted    int                  := 0;
  is_set    boolean              := false;
  is_gone   boolean;
BEGIN
  -- A sentence may leave out who did it, where RentProg says so beside it.
  said := jsonb_strip_nulls(jsonb_build_object('user_name', nullif(entry.user_name, ''))) || said;
  FOR effect IN
    SELECT effects.record_id, effects.fields
    FROM history_effects(
      said, coalesce(operation = 'transfer' AND history_gives(entry.description), false), known_at, coalesce(known_at, arrived)
    ) AS effects
    ORDER BY effects.record_id
  LOOP
    IF place IS NULL OR effect.record_id IS NULL OR effect.fields IS NULL THEN
      RAISE 'nobody knows what "%" means for % %', operation, kind, effect.record_id;
    END IF;
    -- The timeline is the ledger of what was applied: an entry that stands in it is not applied again.
    IF EXISTS (
      SELECT FROM entity_timeline AS told
      WHERE told.log_entry = entry_key AND told.entity_type = kind AND told.entity_id = effect.record_id
    ) THEN
      -- Where the row says that it set nothing then, it sets nothing now.
      wanted := wanted + 1;
      is_set := is_set OR entry.reason IS DISTINCT FROM 'superseded';
      CONTINUE;
    END IF;
    -- Payments and maintenance are known from the log alone: what it names comes to be, of the first branch that is named.
    IF kind = 'payment' THEN
      INSERT INTO payments AS known (rentprog_id, branch) VALUES (effect.record_id, entry.branch)
      ON CONFLICT (rentprog_id) DO UPDATE SET branch = excluded.branch WHERE known.branch IS NULL;
    ELSIF kind = 'maintenance' THEN
      INSERT INTO maintenance AS known (rentprog_id, branch) VALUES (effect.record_id, entry.branch)
      ON CONFLICT (rentprog_id) DO UPDATE SET branch = excluded.branch WHERE known.branch IS NULL;
    END IF;
    -- What the log deleted and then speaks of as there has been restored.
    IF operation = 'update' THEN
      EXECUTE format(
        'SELECT mirror.deleted_at IS NOT NULL AND mirror.field_times ? ''deleted_at'' FROM %I AS mirror
         WHERE mirror.rentprog_id = $1',
        place
      ) INTO is_gone USING effect.record_id;
      IF is_gone THEN
        effect.fields := effect.fields || '{"deleted_at": ""}';
      END IF;
    END IF;
    applied := apply_fields(place::regclass, effect.record_id, made_at, number, effect.fields);
    IF applied.changes IS NULL THEN
      lacking := kind || ' ' || effect.record_id;
      RETURN;
    END IF;
    wanted := wanted + (SELECT count(*) FROM jsonb_object_keys(effect.fields));
    INSERT INTO entity_timeline (
      at, entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
    ) VALUES (
      coalesce(known_at, arrived), kind, effect.record_id, entry.branch, 'history', entry.id, operation,
      coalesce((
        SELECT jsonb_object_agg(change.key, jsonb_build_array(change.value -> 'old', change.value -> 'new'))
        FROM jsonb_each(said -> 'changes') AS change
      ), applied.changes),
      said ->> 'user_name', entry_key
    ) ON CONFLICT DO NOTHING;
    -- Told by now: the same entry was applied meanwhile.
    is_set := is_set OR applied.written > 0 OR NOT FOUND;
  END LOOP;
  is_superseded := wanted > 0 AND NOT is_set;
END
$$;
