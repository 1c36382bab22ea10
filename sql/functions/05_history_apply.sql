-- What a sentence of the operations log changes, and how that is written to the mirror.

-- A value of the log in a form that a column of the type reads: DD-MM-YYYY H:mm, or ISO 8601, is Tbilisi time, whatever
-- the session's own is; 7,4 is 7.4. What has none of the forms is put into quotes, in which it reads in no way:
-- PostgreSQL would make something of NaN, 0x1F, 1e9999 and tomorrow, but the log means nothing by them.
CREATE OR REPLACE FUNCTION :SCHEMA.log_value(said text, type regtype) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE
    WHEN said = '' THEN NULL
    WHEN type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
      AND said ~ '^[0-9]{2}-[0-9]{2}-[0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?$'
    THEN
      regexp_replace(said || CASE WHEN said ~ ':' THEN '' ELSE ' 0:00' END, '^(..)-(..)-(....) (.*)$', '\3-\2-\1 \4+04')
    WHEN type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN CASE
      WHEN said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+)?$' THEN
        said || CASE WHEN said ~ ':' THEN '' ELSE ' 0:00' END || '+04'
      WHEN said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+ ?(Z|[+-][0-9]{2}:?([0-9]{2})?)$' THEN said
      ELSE format('"%s"', said)
    END
    WHEN type = 'numeric'::regtype AND said ~ '^-?[0-9]{1,18}([.,][0-9]{1,9})?$' THEN replace(said, ',', '.')
    WHEN type IN ('int'::regtype, 'bigint'::regtype) AND said ~ '^-?[0-9]{1,18}$' THEN said
    WHEN type IN ('numeric'::regtype, 'int'::regtype, 'bigint'::regtype) THEN format('"%s"', said)
    ELSE said
  END;

-- Sets fields of a record as an entry of the log made at `made_at` says them. Answers {field: [old, new]}, or null where
-- the mirror lacks the record. What a newer entry or a newer fetch said of a field stays as it is. Fields that have a
-- column go there, typed, and all of them go to data; a value that the column's type does not read raises.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_fields(mirror_table regclass, record_id text, made_at timestamptz, fields jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- The whole record as it stands.
  known jsonb;
  newer jsonb;
  typed jsonb;
  patch jsonb;
  sets  text;
BEGIN
  EXECUTE format('SELECT to_jsonb(mirror.*) FROM %s AS mirror WHERE mirror.rentprog_id = $1 FOR UPDATE', mirror_table)
  INTO known USING record_id;
  IF known IS NULL THEN
    RETURN NULL;
  END IF;

  SELECT
    jsonb_object_agg(field.key, made_at),
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
    string_agg(format('%1$I = fresh.%1$I, ', field.key), '') FILTER (WHERE own.type IS NOT NULL)
  INTO newer, typed, patch, sets
  FROM jsonb_each_text(fields) AS field
  LEFT JOIN LATERAL (
    SELECT pg_attribute.atttypid::regtype AS type FROM pg_attribute
    WHERE pg_attribute.attrelid = mirror_table AND pg_attribute.attname = field.key
      AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
      -- The mirror's own book-keeping is no field of a record.
      AND pg_attribute.attname
        NOT IN ('id', 'rentprog_id', 'branch', 'data', 'fetched_at', 'field_times', 'created_at', 'updated_at')
  ) AS own ON true
  WHERE made_at >= coalesce((known -> 'field_times' ->> field.key)::timestamptz, '-infinity')
    AND made_at >= coalesce((known ->> 'fetched_at')::timestamptz, '-infinity');

  IF newer IS NOT NULL THEN
    EXECUTE format(
      'UPDATE %1$s AS mirror SET %2$s %3$s
         data        = coalesce(mirror.data, ''{}'') || coalesce($3, ''{}''),
         field_times = coalesce(mirror.field_times, ''{}'') || $4,
         updated_at  = now()
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
    ) USING record_id, coalesce(typed, '{}'), patch, newer;
  END IF;
  RETURN (
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

-- What a sentence means for the records: the fields that each of them gets.
CREATE OR REPLACE FUNCTION :SCHEMA.history_effects(said jsonb, made_at timestamptz)
RETURNS TABLE (record_id text, fields jsonb)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH sentence AS (
    SELECT said ->> 'entity_type' AS kind, said ->> 'operation' AS operation, said ->> 'entity_id' AS id,
      said ->> 'user_name' AS who, said ->> 'counterparty' AS counterparty,
      (said -> 'payment') - 'ids' || jsonb_build_object('paid_at', made_at) AS payment
  )
  SELECT sentence.id, CASE
    WHEN sentence.operation = 'delete' OR sentence.kind = 'payment' AND sentence.operation = 'cancel' THEN
      jsonb_build_object('deleted_at', made_at)
    WHEN sentence.kind = 'booking' AND sentence.operation = 'issue' THEN
      '{"state": "Активная", "active": true, "in_rent": true}'
    WHEN sentence.kind = 'booking' AND sentence.operation IN ('return', 'complete') THEN
      '{"state": "Завершена", "active": false, "in_rent": false}'
    WHEN sentence.kind = 'booking' AND sentence.operation = 'cancel' THEN
      '{"state": "Отменена", "active": false, "in_rent": false}'
    WHEN sentence.kind = 'payment' AND sentence.operation = 'create' THEN
      sentence.payment || jsonb_build_object('user_name', sentence.who)
    WHEN sentence.kind = 'payment' AND sentence.operation = 'transfer' THEN
      sentence.payment || jsonb_build_object(
        'direction', 'expense', 'user_name', sentence.counterparty, 'counterparty', sentence.who
      )
    WHEN sentence.kind = 'maintenance' THEN
      jsonb_strip_nulls(jsonb_build_object('car_id', said ->> 'car_id', 'description', said ->> 'text')) ||
      CASE sentence.operation
        WHEN 'create'   THEN jsonb_build_object('state', 'open', 'opened_at', made_at)
        WHEN 'complete' THEN jsonb_build_object('state', 'done', 'completed_at', made_at)
        ELSE '{}'
      END
    ELSE
      coalesce(
        (SELECT jsonb_object_agg(change.key, change.value ->> 'new') FROM jsonb_each(said -> 'changes') AS change), '{}'
      )
  END
  FROM sentence
  UNION ALL
  -- A hand-over of cash is two payments: an expense of whoever gave it, and an income of whoever took it.
  SELECT said #>> '{payment,ids,1}', sentence.payment || jsonb_build_object(
    'direction', 'income', 'user_name', sentence.who, 'counterparty', sentence.counterparty
  )
  FROM sentence WHERE sentence.operation = 'transfer';
END;

-- Applies what a sentence says, and tells it in the timeline. Answers what the mirror lacks for that, as `car 59439`, or
-- null when it is done.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_history(entry :SCHEMA.history, said jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  made_at   constant timestamptz := entry.created_at;
  kind      constant text        := said ->> 'entity_type';
  operation constant text        := said ->> 'operation';
  -- Without a branch an operation_id says nothing: each branch has numbers of its own.
  entry_key constant text        := coalesce(
    left(nullif(entry.branch, ''), 64) || ':' || left(nullif(btrim(entry.operation_id), ''), 64),
    'history:' || entry.id
  );
  effect    record;
  changed   jsonb;
BEGIN
  FOR effect IN
    SELECT effects.record_id, effects.fields FROM history_effects(said, made_at) AS effects ORDER BY effects.record_id
  LOOP
    -- The timeline is the ledger of what was applied: an entry that stands in it is not applied again.
    CONTINUE WHEN EXISTS (
      SELECT FROM entity_timeline AS told
      WHERE told.log_entry = entry_key AND told.entity_type = kind AND told.entity_id = effect.record_id
    );
    -- Payments and maintenance are known from the log alone: what it names comes to be.
    IF kind = 'payment' THEN
      INSERT INTO payments (rentprog_id, branch) VALUES (effect.record_id, entry.branch) ON CONFLICT DO NOTHING;
    ELSIF kind = 'maintenance' THEN
      INSERT INTO maintenance (rentprog_id, branch) VALUES (effect.record_id, entry.branch) ON CONFLICT DO NOTHING;
    END IF;
    changed := apply_fields(
      CASE kind WHEN 'car' THEN 'cars' WHEN 'client' THEN 'clients' WHEN 'booking' THEN 'bookings'
        WHEN 'payment' THEN 'payments' ELSE 'maintenance' END::regclass,
      effect.record_id, made_at, effect.fields
    );
    IF changed IS NULL THEN
      RETURN kind || ' ' || effect.record_id;
    END IF;
    INSERT INTO entity_timeline (
      at, entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
    ) VALUES (
      made_at, kind, effect.record_id, entry.branch, 'history', entry.id, operation,
      coalesce((
        SELECT jsonb_object_agg(change.key, jsonb_build_array(change.value -> 'old', change.value -> 'new'))
        FROM jsonb_each(said -> 'changes') AS change
      ), changed),
      said ->> 'user_name', entry_key
    ) ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN NULL;
END
$$;
