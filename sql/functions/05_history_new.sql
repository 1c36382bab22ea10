-- Payments and maintenance are known from the log alone: the first entry that tells of one makes it, by one statement.

-- Makes a payment or maintenance of the fields that an entry made at `made_at` tells. Answers whether it did; if not, there is
-- one already, or a field needs a closer look, and nothing was written.
CREATE OR REPLACE FUNCTION :SCHEMA.make_record(
  place text, record_id text, branch text, made_at timestamptz, number text, fields jsonb
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  moment  constant text := to_jsonb(made_at) #>> '{}';
  data    jsonb;
  times   jsonb;
  entries jsonb;
BEGIN
  IF place NOT IN ('payments', 'maintenance') OR made_at < '2000-01-02Z' OR NOT isfinite(made_at)
    OR current_setting('jarvis.by_name', true) = 'yes'
  THEN
    RETURN false;
  END IF;
  SELECT
    jsonb_object_agg(field.key, CASE field.key
      WHEN 'amount' THEN to_jsonb(CASE WHEN field.value ~ '^[0-9]{1,18}([.][0-9]{1,9})?$' THEN field.value::numeric END)
      ELSE to_jsonb(field.value)
    END),
    jsonb_object_agg(field.key, made_at), jsonb_object_agg(field.key, number)
  INTO data, times, entries
  FROM jsonb_each_text(fields) AS field;
  -- What is empty, no amount or not of this moment.
  IF data IS NULL OR data @? '$.* ? (@ == null || @ == "")' OR moment <> ANY (
    ARRAY[data ->> 'paid_at', data ->> 'opened_at', data ->> 'completed_at']
  ) THEN
    RETURN false;
  END IF;

  CASE place
    WHEN 'payments' THEN
      INSERT INTO payments (
        rentprog_id, branch, direction, method, amount, currency, user_name, counterparty, paid_at, booking_id, car_id,
        client_id, data, field_times, field_entries, updated_at
      )
      SELECT
        record_id, branch, data ->> 'direction', data ->> 'method', (data ->> 'amount')::numeric, data ->> 'currency',
        data ->> 'user_name', data ->> 'counterparty', CASE WHEN data ? 'paid_at' THEN made_at END, data ->> 'booking_id',
        data ->> 'car_id', data ->> 'client_id', data, times, jsonb_strip_nulls(entries), now()
      FROM (SELECT (NULL::payments).*) AS own
      WHERE data - '{
          direction,method,amount,currency,user_name,counterparty,paid_at,booking_id,car_id,client_id
        }'::text[] = '{}'
        AND 'text'::regtype = ALL (ARRAY[
          pg_typeof(own.direction), pg_typeof(own.method), pg_typeof(own.currency), pg_typeof(own.user_name),
          pg_typeof(own.counterparty), pg_typeof(own.booking_id), pg_typeof(own.car_id), pg_typeof(own.client_id)
        ])
        AND pg_typeof(own.amount) = 'numeric'::regtype AND pg_typeof(own.paid_at) = 'timestamptz'::regtype
      ON CONFLICT (rentprog_id) DO NOTHING;
    WHEN 'maintenance' THEN
      INSERT INTO maintenance (
        rentprog_id, branch, car_id, description, state, opened_at, completed_at, data, field_times, field_entries, updated_at
      )
      SELECT
        record_id, branch, data ->> 'car_id', data ->> 'description', data ->> 'state',
        CASE WHEN data ? 'opened_at' THEN made_at END, CASE WHEN data ? 'completed_at' THEN made_at END,
        data, times, jsonb_strip_nulls(entries), now()
      FROM (SELECT (NULL::maintenance).*) AS own
      WHERE data - '{car_id,description,state,opened_at,completed_at}'::text[] = '{}'
        AND 'text'::regtype = ALL (ARRAY[pg_typeof(own.car_id), pg_typeof(own.description), pg_typeof(own.state)])
        AND 'timestamptz'::regtype = ALL (ARRAY[pg_typeof(own.opened_at), pg_typeof(own.completed_at)])
      ON CONFLICT (rentprog_id) DO NOTHING;
  END CASE;
  RETURN FOUND;
END
$$;
