-- A booking is issued, returned, completed or cancelled: its state changes by one statement, as a single field does.

-- Does to a booking what `said` says, if nothing newer is known of its state, and tells that in the timeline. Answers whether
-- that was all there was to do; if not, nothing was written.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_to_booking(
  entry :SCHEMA.history, said jsonb, made_at timestamptz, number text, entry_key text
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  record_id constant text  := said ->> 'entity_id';
  fields    constant jsonb := booking_after(said ->> 'operation');
  told      jsonb;
BEGIN
  IF fields IS NULL THEN
    RETURN false;
  END IF;
  UPDATE bookings AS mirror SET
    state         = fields ->> 'state',
    active        = (fields ->> 'active')::boolean,
    in_rent       = (fields ->> 'in_rent')::boolean,
    data          = coalesce(mirror.data, '{}') || fields,
    field_times   = coalesce(mirror.field_times, '{}')
      || jsonb_build_object('state', made_at, 'active', made_at, 'in_rent', made_at),
    field_entries = jsonb_strip_nulls(
      coalesce(mirror.field_entries, '{}') || jsonb_build_object('state', number, 'active', number, 'in_rent', number)
    ),
    updated_at    = now()
  FROM bookings AS before
  -- Still the same row, if somebody else changed it meanwhile. PostgreSQL would find a place that is not text by itself,
  -- without looking at it again.
  WHERE mirror.rentprog_id = record_id AND before.rentprog_id = record_id AND mirror.ctid::text = before.ctid::text
    AND (mirror.fetched_at > made_at) IS NOT TRUE
    AND comes_next(made_at, number, mirror.field_times ->> 'state', mirror.field_entries ->> 'state')
    AND comes_next(made_at, number, mirror.field_times ->> 'active', mirror.field_entries ->> 'active')
    AND comes_next(made_at, number, mirror.field_times ->> 'in_rent', mirror.field_entries ->> 'in_rent')
    AND NOT EXISTS (
      SELECT FROM entity_timeline AS told
      WHERE told.log_entry = entry_key AND told.entity_type || ' ' || told.entity_id = 'booking ' || record_id
    )
    AND pg_typeof(mirror.state) = 'text'::regtype
    AND pg_typeof(mirror.active) = 'boolean'::regtype AND pg_typeof(mirror.in_rent) = 'boolean'::regtype
  RETURNING jsonb_build_object(
    'state', jsonb_build_array(before.state, fields -> 'state'),
    'active', jsonb_build_array(before.active, fields -> 'active'),
    'in_rent', jsonb_build_array(before.in_rent, fields -> 'in_rent')
  ) INTO told;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO entity_timeline (
    at, entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
  ) VALUES (
    made_at, 'booking', record_id, entry.branch, 'history', entry.id, said ->> 'operation', told,
    coalesce(said ->> 'user_name', nullif(entry.user_name, '')), entry_key
  ) ON CONFLICT DO NOTHING;
  RETURN true;
END
$$;
