-- What a sentence of the operations log means for the records, and how it is applied.

-- What earlier versions called with other parameters.
DROP FUNCTION IF EXISTS :SCHEMA.history_effects(jsonb, timestamptz);

-- What becomes of a booking that is issued, returned, completed or cancelled, as data keeps it.
CREATE OR REPLACE FUNCTION :SCHEMA.booking_after(operation text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN operation = 'issue'                 THEN '{"state": "Активная", "active": true, "in_rent": true}'::jsonb
    WHEN operation IN ('return', 'complete') THEN '{"state": "Завершена", "active": false, "in_rent": false}'
    WHEN operation = 'cancel'                THEN '{"state": "Отменена", "active": false, "in_rent": false}'
  END;

-- What a sentence means for the records: [{record_id, fields}], in the order in which they
-- are locked; fields are null where it means nothing that is known.
-- `made_at` is null where nobody knows when the entry was made; what it deletes is gone at `gone_at`. `gives` is true where
-- cash goes from the person whom the sentence names first to the other.
CREATE OR REPLACE FUNCTION :SCHEMA.history_effects(said jsonb, gives boolean, made_at timestamptz, gone_at timestamptz)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  kind      constant text  := said ->> 'entity_type';
  operation constant text  := said ->> 'operation';
  who       constant text  := said ->> 'user_name';
  other     constant text  := said ->> 'counterparty';
  payment   constant jsonb := jsonb_strip_nulls(coalesce(said -> 'payment', '{}') - 'ids');
  paid      constant jsonb := jsonb_strip_nulls(jsonb_build_object('paid_at', made_at));
  changes   jsonb          := '{}';
  spent     jsonb;
  earned    jsonb;
BEGIN
  -- A hand-over of cash is two payments: first an expense of whoever gave it, then an income of whoever took it.
  IF kind = 'payment' AND operation = 'transfer' THEN
    spent  := jsonb_build_object('record_id', said #> '{payment,ids,0}', 'fields', payment || paid || jsonb_build_object(
      'direction', 'expense',
      'user_name', CASE WHEN gives THEN who ELSE other END, 'counterparty', CASE WHEN gives THEN other ELSE who END
    ));
    earned := jsonb_build_object('record_id', said #> '{payment,ids,1}', 'fields', payment || paid || jsonb_build_object(
      'direction', 'income',
      'user_name', CASE WHEN gives THEN other ELSE who END, 'counterparty', CASE WHEN gives THEN who ELSE other END
    ));
    -- One order for all writers.
    RETURN CASE WHEN spent ->> 'record_id' > earned ->> 'record_id' THEN
      jsonb_build_array(earned, spent)
    ELSE
      jsonb_build_array(spent, earned)
    END;
  END IF;

  IF said ? 'changes' THEN
    changes := (
      SELECT coalesce(jsonb_object_agg(change.key, coalesce(change.value ->> 'new', '')), '{}')
      FROM jsonb_each(said -> 'changes') AS change
      -- Whether a record is gone, no change of a field says.
      WHERE change.key <> 'deleted_at'
    );
    -- What RentProg calls the sum of a payment is its amount here.
    IF kind = 'payment' AND changes ? 'sum' THEN
      changes := jsonb_build_object('amount', changes -> 'sum') || changes;
    END IF;
  END IF;
  RETURN jsonb_build_array(jsonb_build_object('record_id', said -> 'entity_id', 'fields', CASE
    WHEN kind IN ('booking', 'car', 'client') THEN CASE
      WHEN operation = 'delete' THEN jsonb_build_object('deleted_at', gone_at)
      WHEN operation IN ('create', 'update') THEN changes
      WHEN kind <> 'booking' THEN CASE operation WHEN 'cancel' THEN changes END
      ELSE booking_after(operation)
    END
    WHEN kind = 'payment' THEN changes || payment || CASE operation
      WHEN 'create' THEN paid || jsonb_strip_nulls(jsonb_build_object('user_name', who))
      WHEN 'update' THEN '{}'
      WHEN 'delete' THEN jsonb_build_object('deleted_at', gone_at)
      WHEN 'cancel' THEN jsonb_build_object('deleted_at', gone_at)
    END
    WHEN kind = 'maintenance' THEN CASE
      WHEN operation IN ('delete', 'cancel') THEN jsonb_build_object('deleted_at', gone_at)
      ELSE
        changes ||
        jsonb_strip_nulls(jsonb_build_object('car_id', said ->> 'car_id', 'description', said ->> 'text')) ||
        CASE operation
          WHEN 'create'   THEN jsonb_strip_nulls(jsonb_build_object('state', 'open', 'opened_at', made_at))
          WHEN 'update'   THEN '{}'
          WHEN 'complete' THEN jsonb_strip_nulls(jsonb_build_object('state', 'done', 'completed_at', made_at))
        END
    END
  END));
END
$$;

-- Applies what a sentence says, whatever it is, and tells it in the timeline. Answers what the mirror lacks for that, as
-- `car 59439`, or null when it is done, and then whether all that it said was older than what the mirror has.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_carefully(
  entry :SCHEMA.history, said jsonb, made_at timestamptz, number text, entry_key text, OUT lacking text, OUT is_superseded boolean
)
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  known_at  constant timestamptz := CASE WHEN isfinite(made_at) THEN made_at END;
  arrived   constant timestamptz := CASE WHEN isfinite(entry.ts) THEN least(entry.ts, now()) ELSE now() END;
  kind      constant text        := said ->> 'entity_type';
  operation constant text        := said ->> 'operation';
  changes   constant jsonb       := nullif(said -> 'changes', '{}');
  place     constant text        := CASE kind
    WHEN 'car' THEN 'cars' WHEN 'client' THEN 'clients' WHEN 'booking' THEN 'bookings'
    WHEN 'payment' THEN 'payments' WHEN 'maintenance' THEN 'maintenance'
  END;
  gives     boolean;
  effects   jsonb;
  record_id text;
  fields    jsonb;
  known     jsonb;
  is_made   boolean;
  held      int;
  restored  boolean;
  written   int;
  -- Whether it is about any field, and whether any was set, now or by an attempt before.
  is_wanted boolean              := false;
  is_set    boolean              := false;
BEGIN
  -- A sentence may leave out who did it, where RentProg says so beside it.
  said := jsonb_strip_nulls(jsonb_build_object('user_name', nullif(entry.user_name, ''))) || said;
  IF operation = 'transfer' THEN
    gives := history_gives(entry.description);
  END IF;
  effects := history_effects(said, coalesce(gives, false), known_at, coalesce(known_at, arrived));
  FOR n IN 0 .. jsonb_array_length(effects) - 1 LOOP
    record_id := effects -> n ->> 'record_id';
    fields    := nullif(effects -> n -> 'fields', 'null');
    IF place IS NULL OR record_id IS NULL OR fields IS NULL THEN
      RAISE 'nobody knows what "%" means for % %', operation, kind, record_id;
    END IF;
    -- The timeline is the ledger of what was applied: an entry that stands in it is not applied again.
    IF EXISTS (
      SELECT FROM entity_timeline AS told
      WHERE told.log_entry = entry_key AND told.entity_type || ' ' || told.entity_id = kind || ' ' || record_id
    ) THEN
      -- Where the row says that it set nothing then, it sets nothing now.
      is_wanted := true;
      is_set    := is_set OR entry.reason IS DISTINCT FROM 'superseded';
      CONTINUE;
    END IF;
    -- Payments and maintenance are known from the log alone: what it names comes to be, of the first branch that is named.
    is_made := changes IS NULL AND make_record(place, record_id, entry.branch, made_at, number, fields);
    IF is_made THEN
      known    := '{}';
      restored := false;
      written  := 1;
    ELSIF kind = 'payment' THEN
      INSERT INTO payments AS mirror (rentprog_id, branch) VALUES (record_id, entry.branch)
      ON CONFLICT (rentprog_id) DO UPDATE SET branch = excluded.branch WHERE mirror.branch IS NULL;
    ELSIF kind = 'maintenance' THEN
      INSERT INTO maintenance AS mirror (rentprog_id, branch) VALUES (record_id, entry.branch)
      ON CONFLICT (rentprog_id) DO UPDATE SET branch = excluded.branch WHERE mirror.branch IS NULL;
    END IF;
    held := 0;
    WHILE NOT is_made LOOP
      known := see_record(place, record_id);
      IF known IS NULL THEN
        lacking := kind || ' ' || record_id;
        RETURN;
      END IF;
      -- What the log deleted and then speaks of as there has been restored.
      restored  := operation = 'update' AND known ->> 'deleted_at' IS NOT NULL AND known -> 'field_times' ? 'deleted_at';
      written   := apply_fields(place, known, made_at, number, CASE
        WHEN restored THEN fields || '{"deleted_at": ""}' ELSE fields
      END);
      -- Where it is held, a trigger of the company's keeps it as it is, or writes it by itself.
      EXIT WHEN written IS NOT NULL OR held > 0;
      -- Whoever changed the record since it was seen may have said something newer.
      EXECUTE format('SELECT FROM %I AS mirror WHERE mirror.rentprog_id = $1 FOR UPDATE', place) USING record_id;
      GET DIAGNOSTICS held = ROW_COUNT;
    END LOOP;
    fields    := CASE WHEN restored THEN fields || '{"deleted_at": ""}' ELSE fields END;
    is_wanted := is_wanted OR fields <> '{}';
    INSERT INTO entity_timeline (
      at, entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
    ) VALUES (
      coalesce(known_at, arrived), kind, record_id, entry.branch, 'history', entry.id, operation,
      (
        SELECT coalesce(
          jsonb_object_agg(field.key, CASE
            WHEN changes IS NULL THEN
              jsonb_build_array(coalesce(known -> field.key, known -> 'data' -> field.key), field.value)
            ELSE jsonb_build_array(field.value -> 'old', field.value -> 'new')
          END),
          '{}'
        )
        FROM jsonb_each(coalesce(changes, fields)) AS field
      ),
      said ->> 'user_name', entry_key
    ) ON CONFLICT DO NOTHING;
    -- Told by now: the same entry was applied meanwhile.
    is_set := is_set OR coalesce(written, 1) > 0 OR NOT FOUND;
  END LOOP;
  is_superseded := is_wanted AND NOT is_set;
END
$$;

-- Applies what a sentence says, and tells it in the timeline: what most say at once, all else after a look. Answers as above.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_history(
  entry :SCHEMA.history, said jsonb, OUT lacking text, OUT is_superseded boolean
)
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
-- Where a table was small when a statement was planned, it would be read from end to end for each entry until the session ends.
SET enable_seqscan = off
SET jit = off
-- Planned for a certain value, a statement fails where its column refuses that, even if there is nothing to write.
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  -- None is made later than it arrives, and one of which nobody knows when is older than all others.
  made_at   constant timestamptz := CASE
    WHEN entry.created_at IS NULL THEN '-infinity'
    ELSE least(entry.created_at, entry.ts, now())
  END;
  number    constant text        := left(nullif(btrim(entry.operation_id), ''), 64);
  -- Without a branch an operation_id says nothing: each branch has numbers of its own.
  entry_key constant text        := coalesce(left(nullif(entry.branch, ''), 64) || ':' || number, 'history:' || entry.id);
BEGIN
  IF isfinite(made_at) AND current_setting('jarvis.by_name', true) IS DISTINCT FROM 'yes' AND (CASE
    WHEN said ->> 'operation' = 'update' THEN apply_change(entry, said, made_at, number, entry_key)
    WHEN said ->> 'entity_type' = 'booking' THEN apply_to_booking(entry, said, made_at, number, entry_key)
  END) THEN
    is_superseded := false;
  ELSE
    SELECT applied.* INTO lacking, is_superseded FROM apply_carefully(entry, said, made_at, number, entry_key) AS applied;
  END IF;
END
$$;
