-- The statements that bring records to what the log says, for each table of the mirror: PostgreSQL plans them once a session,
-- where one made up for the fields at hand is planned each time. They write all columns that an entry can name, most of
-- them as they are.

-- Whether a field has a column here. company_id has none: it moves a record to another branch as well.
CREATE OR REPLACE FUNCTION :SCHEMA.has_column(place text, field text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN field = ANY (CASE place
    WHEN 'cars' THEN '{
      car_name,code,number,vin,year,color,transmission,car_class,car_type,fuel,state,mileage,tank_value,gas_mileage,
      clean_state,deleted_at
    }'::text[]
    WHEN 'clients' THEN '{name,lastname,middlename,phone,email,category,deleted_at}'::text[]
    WHEN 'bookings' THEN '{
      car_id,client_id,active,in_rent,state,start_date,end_date,start_place,end_place,days,price,rental_cost,total,
      deposit,responsible,responsible_id,number,car_code,source,technical,archive,additional_hours,location_start,
      location_end,start_mileage,end_mileage,deleted_at
    }'::text[]
    WHEN 'payments' THEN '{
      direction,method,amount,currency,user_name,counterparty,paid_at,booking_id,car_id,client_id,deleted_at
    }'::text[]
    WHEN 'maintenance' THEN '{car_id,description,state,opened_at,completed_at,deleted_at}'::text[]
  END);

-- What earlier versions called with other parameters.
DROP FUNCTION IF EXISTS :SCHEMA.hold_record(text, text);
DROP FUNCTION IF EXISTS :SCHEMA.write_columns(text, text, jsonb, jsonb, jsonb, jsonb);

-- The record as it stands, and where (`ctid`). Null where there is none. It is not locked: PostgreSQL would note each lock of
-- a record that many entries of a transaction change in all that follow. Whoever writes sees to it that it still stands there.
CREATE OR REPLACE FUNCTION :SCHEMA.see_record(place text, record_id text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  known jsonb;
BEGIN
  CASE place
    WHEN 'cars' THEN
      SELECT to_jsonb(mirror.*) || jsonb_build_object('ctid', mirror.ctid) INTO known
      FROM cars AS mirror WHERE mirror.rentprog_id = record_id;
    WHEN 'clients' THEN
      SELECT to_jsonb(mirror.*) || jsonb_build_object('ctid', mirror.ctid) INTO known
      FROM clients AS mirror WHERE mirror.rentprog_id = record_id;
    WHEN 'bookings' THEN
      SELECT to_jsonb(mirror.*) || jsonb_build_object('ctid', mirror.ctid) INTO known
      FROM bookings AS mirror WHERE mirror.rentprog_id = record_id;
    WHEN 'payments' THEN
      SELECT to_jsonb(mirror.*) || jsonb_build_object('ctid', mirror.ctid) INTO known
      FROM payments AS mirror WHERE mirror.rentprog_id = record_id;
    WHEN 'maintenance' THEN
      SELECT to_jsonb(mirror.*) || jsonb_build_object('ctid', mirror.ctid) INTO known
      FROM maintenance AS mirror WHERE mirror.rentprog_id = record_id;
  END CASE;
  RETURN known;
END
$$;

-- Writes the fields of `typed` to their columns, `patch` to data, and when and by which entries they were said. Answers
-- whether the record still stood where it was seen. That is compared as text: PostgreSQL would find a place by itself without
-- looking at it again after a wait for a lock.
CREATE OR REPLACE FUNCTION :SCHEMA.write_columns(
  place text, record_id text, seen_at text, typed jsonb, patch jsonb, times jsonb, entries jsonb
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  CASE place
    WHEN 'cars' THEN
      UPDATE cars AS mirror SET
        (
          car_name, code, number, vin, year, color, transmission, car_class, car_type, fuel, state, mileage,
          tank_value, gas_mileage, clean_state, deleted_at
        ) = (
          SELECT
            fresh.car_name, fresh.code, fresh.number, fresh.vin, fresh.year, fresh.color, fresh.transmission,
            fresh.car_class, fresh.car_type, fresh.fuel, fresh.state, fresh.mileage, fresh.tank_value,
            fresh.gas_mileage, fresh.clean_state, fresh.deleted_at
          FROM jsonb_populate_record(mirror.*, typed) AS fresh
        ),
        data          = coalesce(mirror.data, '{}') || patch,
        field_times   = coalesce(mirror.field_times, '{}') || times,
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || entries),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.ctid::text = seen_at;
    WHEN 'clients' THEN
      UPDATE clients AS mirror SET
        (
          name, lastname, middlename, phone, email, category, deleted_at
        ) = (
          SELECT
            fresh.name, fresh.lastname, fresh.middlename, fresh.phone, fresh.email, fresh.category, fresh.deleted_at
          FROM jsonb_populate_record(mirror.*, typed) AS fresh
        ),
        data          = coalesce(mirror.data, '{}') || patch,
        field_times   = coalesce(mirror.field_times, '{}') || times,
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || entries),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.ctid::text = seen_at;
    WHEN 'bookings' THEN
      UPDATE bookings AS mirror SET
        (
          car_id, client_id, active, in_rent, state, start_date, end_date, start_place, end_place, days, price,
          rental_cost, total, deposit, responsible, responsible_id, number, car_code, source, technical, archive,
          additional_hours, location_start, location_end, start_mileage, end_mileage, deleted_at
        ) = (
          SELECT
            fresh.car_id, fresh.client_id, fresh.active, fresh.in_rent, fresh.state, fresh.start_date, fresh.end_date,
            fresh.start_place, fresh.end_place, fresh.days, fresh.price, fresh.rental_cost, fresh.total, fresh.deposit, fresh.responsible,
            fresh.responsible_id, fresh.number, fresh.car_code, fresh.source, fresh.technical, fresh.archive,
            fresh.additional_hours, fresh.location_start, fresh.location_end, fresh.start_mileage, fresh.end_mileage,
            fresh.deleted_at
          FROM jsonb_populate_record(mirror.*, typed) AS fresh
        ),
        data          = coalesce(mirror.data, '{}') || patch,
        field_times   = coalesce(mirror.field_times, '{}') || times,
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || entries),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.ctid::text = seen_at;
    WHEN 'payments' THEN
      UPDATE payments AS mirror SET
        (
          direction, method, amount, currency, user_name, counterparty, paid_at, booking_id, car_id, client_id,
          deleted_at
        ) = (
          SELECT
            fresh.direction, fresh.method, fresh.amount, fresh.currency, fresh.user_name, fresh.counterparty,
            fresh.paid_at, fresh.booking_id, fresh.car_id, fresh.client_id, fresh.deleted_at
          FROM jsonb_populate_record(mirror.*, typed) AS fresh
        ),
        data          = coalesce(mirror.data, '{}') || patch,
        field_times   = coalesce(mirror.field_times, '{}') || times,
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || entries),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.ctid::text = seen_at;
    WHEN 'maintenance' THEN
      UPDATE maintenance AS mirror SET
        (
          car_id, description, state, opened_at, completed_at, deleted_at
        ) = (
          SELECT
            fresh.car_id, fresh.description, fresh.state, fresh.opened_at, fresh.completed_at, fresh.deleted_at
          FROM jsonb_populate_record(mirror.*, typed) AS fresh
        ),
        data          = coalesce(mirror.data, '{}') || patch,
        field_times   = coalesce(mirror.field_times, '{}') || times,
        field_entries = jsonb_strip_nulls(coalesce(mirror.field_entries, '{}') || entries),
        updated_at    = now()
      WHERE mirror.rentprog_id = record_id AND mirror.ctid::text = seen_at;
  END CASE;
  RETURN FOUND;
END
$$;
