-- What most entries need: one field of a record becomes what the entry says. Whatever is not quite so simple is left to the
-- statements that look first, and would do the same here.

-- What the mirror takes for a field of one of its tables as it stands: 'text', 'integer', 'numeric' or 'boolean', or null.
CREATE OR REPLACE FUNCTION :SCHEMA.plain_type(place text, field text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '{
    "cars": {
      "car_name": "text", "code": "text", "number": "text", "vin": "text", "color": "text", "transmission": "text",
      "car_class": "text", "car_type": "text", "fuel": "text", "year": "integer", "state": "integer", "mileage": "numeric",
      "tank_value": "numeric", "gas_mileage": "numeric", "clean_state": "boolean"
    },
    "clients": {
      "name": "text", "lastname": "text", "middlename": "text", "phone": "text", "email": "text", "category": "text"
    },
    "bookings": {
      "car_id": "text", "client_id": "text", "state": "text", "start_place": "text", "end_place": "text",
      "responsible": "text", "responsible_id": "text", "number": "text", "car_code": "text", "source": "text",
      "active": "boolean", "in_rent": "boolean", "technical": "boolean", "archive": "boolean", "days": "numeric",
      "price": "numeric", "rental_cost": "numeric", "total": "numeric", "deposit": "numeric", "additional_hours": "numeric"
    }
  }'::jsonb -> place ->> field;

-- Whether an entry comes after the one that set a field last, which stands by itself where that is sure.
CREATE OR REPLACE FUNCTION :SCHEMA.comes_next(made_at timestamptz, number text, last_at text, last_number text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE
    WHEN made_at = last_at::timestamptz THEN :SCHEMA.comes_after(number, last_number)
    ELSE coalesce(made_at > last_at::timestamptz, true)
  END;

-- Sets the one field that `said` changes, if nothing newer is known of it, and tells that in the timeline. Answers whether that
-- was all there was to do; if not, nothing was written.
CREATE OR REPLACE FUNCTION :SCHEMA.apply_change(
  entry :SCHEMA.history, said jsonb, made_at timestamptz, number text, entry_key text
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  kind      constant text    := said ->> 'entity_type';
  place     constant text    := CASE kind WHEN 'car' THEN 'cars' WHEN 'client' THEN 'clients' WHEN 'booking' THEN 'bookings' END;
  record_id constant text    := said ->> 'entity_id';
  change    constant jsonb   := jsonb_path_query_first(said -> 'changes', '$.keyvalue()');
  name      constant text    := change ->> 'key';
  value     constant text    := change #>> '{value,new}';
  type      constant text    := plain_type(place, name);
  -- As data keeps it. What a column could refuse is none.
  kept      constant jsonb   := CASE
    WHEN type = 'text'    AND value <> ''                 THEN to_jsonb(value)
    WHEN type = 'boolean' AND value IN ('true', 'false')  THEN to_jsonb(value::boolean)
    WHEN type = 'integer' AND value ~ '^-?[0-9]{1,9}$'
      OR type = 'numeric' AND value ~ '^-?[0-9]{1,18}$'   THEN to_jsonb(value::numeric)
  END;
BEGIN
  IF kept IS NULL OR (said -> 'changes') - name <> '{}' THEN
    RETURN false;
  END IF;
  CASE place
    WHEN 'cars' THEN
      UPDATE cars AS mirror SET
        car_name      = CASE name WHEN 'car_name' THEN value ELSE mirror.car_name END,
        code          = CASE name WHEN 'code' THEN value ELSE mirror.code END,
        number        = CASE name WHEN 'number' THEN value ELSE mirror.number END,
        vin           = CASE name WHEN 'vin' THEN value ELSE mirror.vin END,
        color         = CASE name WHEN 'color' THEN value ELSE mirror.color END,
        transmission  = CASE name WHEN 'transmission' THEN value ELSE mirror.transmission END,
        car_class     = CASE name WHEN 'car_class' THEN value ELSE mirror.car_class END,
        car_type      = CASE name WHEN 'car_type' THEN value ELSE mirror.car_type END,
        fuel          = CASE name WHEN 'fuel' THEN value ELSE mirror.fuel END,
        year          = CASE name WHEN 'year' THEN value::integer ELSE mirror.year END,
        state         = CASE name WHEN 'state' THEN value::integer ELSE mirror.state END,
        mileage       = CASE name WHEN 'mileage' THEN value::numeric ELSE mirror.mileage END,
        tank_value    = CASE name WHEN 'tank_value' THEN value::numeric ELSE mirror.tank_value END,
        gas_mileage   = CASE name WHEN 'gas_mileage' THEN value::numeric ELSE mirror.gas_mileage END,
        clean_state   = CASE name WHEN 'clean_state' THEN value::boolean ELSE mirror.clean_state END,
        data          = coalesce(mirror.data, '{}') || jsonb_build_object(name, kept),
        field_times   = coalesce(mirror.field_times, '{}') || jsonb_build_object(name, made_at),
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || jsonb_build_object(name, number)),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.deleted_at IS NULL
        AND (mirror.fetched_at > made_at) IS NOT TRUE
        AND comes_next(made_at, number, mirror.field_times ->> name, mirror.field_entries ->> name)
        AND NOT EXISTS (
          SELECT FROM entity_timeline AS told
          WHERE told.log_entry = entry_key AND told.entity_type || ' ' || told.entity_id = kind || ' ' || record_id
        )
        AND type = (
          SELECT format_type(own.atttypid, own.atttypmod)
          FROM pg_attribute AS own WHERE own.attrelid = 'cars'::regclass AND own.attname = name
        );
    WHEN 'clients' THEN
      UPDATE clients AS mirror SET
        name          = CASE name WHEN 'name' THEN value ELSE mirror.name END,
        lastname      = CASE name WHEN 'lastname' THEN value ELSE mirror.lastname END,
        middlename    = CASE name WHEN 'middlename' THEN value ELSE mirror.middlename END,
        phone         = CASE name WHEN 'phone' THEN value ELSE mirror.phone END,
        email         = CASE name WHEN 'email' THEN value ELSE mirror.email END,
        category      = CASE name WHEN 'category' THEN value ELSE mirror.category END,
        data          = coalesce(mirror.data, '{}') || jsonb_build_object(name, kept),
        field_times   = coalesce(mirror.field_times, '{}') || jsonb_build_object(name, made_at),
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || jsonb_build_object(name, number)),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.deleted_at IS NULL
        AND (mirror.fetched_at > made_at) IS NOT TRUE
        AND comes_next(made_at, number, mirror.field_times ->> name, mirror.field_entries ->> name)
        AND NOT EXISTS (
          SELECT FROM entity_timeline AS told
          WHERE told.log_entry = entry_key AND told.entity_type || ' ' || told.entity_id = kind || ' ' || record_id
        )
        AND type = (
          SELECT format_type(own.atttypid, own.atttypmod)
          FROM pg_attribute AS own WHERE own.attrelid = 'clients'::regclass AND own.attname = name
        );
    WHEN 'bookings' THEN
      UPDATE bookings AS mirror SET
        car_id           = CASE name WHEN 'car_id' THEN value ELSE mirror.car_id END,
        client_id        = CASE name WHEN 'client_id' THEN value ELSE mirror.client_id END,
        state            = CASE name WHEN 'state' THEN value ELSE mirror.state END,
        start_place      = CASE name WHEN 'start_place' THEN value ELSE mirror.start_place END,
        end_place        = CASE name WHEN 'end_place' THEN value ELSE mirror.end_place END,
        responsible      = CASE name WHEN 'responsible' THEN value ELSE mirror.responsible END,
        responsible_id   = CASE name WHEN 'responsible_id' THEN value ELSE mirror.responsible_id END,
        number           = CASE name WHEN 'number' THEN value ELSE mirror.number END,
        car_code         = CASE name WHEN 'car_code' THEN value ELSE mirror.car_code END,
        source           = CASE name WHEN 'source' THEN value ELSE mirror.source END,
        active           = CASE name WHEN 'active' THEN value::boolean ELSE mirror.active END,
        in_rent          = CASE name WHEN 'in_rent' THEN value::boolean ELSE mirror.in_rent END,
        technical        = CASE name WHEN 'technical' THEN value::boolean ELSE mirror.technical END,
        archive          = CASE name WHEN 'archive' THEN value::boolean ELSE mirror.archive END,
        days             = CASE name WHEN 'days' THEN value::numeric ELSE mirror.days END,
        price            = CASE name WHEN 'price' THEN value::numeric ELSE mirror.price END,
        rental_cost      = CASE name WHEN 'rental_cost' THEN value::numeric ELSE mirror.rental_cost END,
        total            = CASE name WHEN 'total' THEN value::numeric ELSE mirror.total END,
        deposit          = CASE name WHEN 'deposit' THEN value::numeric ELSE mirror.deposit END,
        additional_hours = CASE name WHEN 'additional_hours' THEN value::numeric ELSE mirror.additional_hours END,
        data             = coalesce(mirror.data, '{}') || jsonb_build_object(name, kept),
        field_times      = coalesce(mirror.field_times, '{}') || jsonb_build_object(name, made_at),
        field_entries    = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || jsonb_build_object(name, number)),
        updated_at       = now()
      WHERE mirror.rentprog_id = record_id AND mirror.deleted_at IS NULL
        AND (mirror.fetched_at > made_at) IS NOT TRUE
        AND comes_next(made_at, number, mirror.field_times ->> name, mirror.field_entries ->> name)
        AND NOT EXISTS (
          SELECT FROM entity_timeline AS told
          WHERE told.log_entry = entry_key AND told.entity_type || ' ' || told.entity_id = kind || ' ' || record_id
        )
        AND type = (
          SELECT format_type(own.atttypid, own.atttypmod)
          FROM pg_attribute AS own WHERE own.attrelid = 'bookings'::regclass AND own.attname = name
        );
  END CASE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO entity_timeline (
    at, entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
  ) VALUES (
    made_at, kind, record_id, entry.branch, 'history', entry.id, 'update',
    jsonb_build_object(name, jsonb_build_array(change #> '{value,old}', change #> '{value,new}')),
    coalesce(said ->> 'user_name', nullif(entry.user_name, '')), entry_key
  ) ON CONFLICT DO NOTHING;
  RETURN true;
END
$$;
