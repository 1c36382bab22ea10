-- Dates and times as RentProg writes them, in records and in its log.

-- The moment that a text says, or null where it does not read: DD-MM-YYYY H:mm, ISO 8601 in its long and its short form,
-- or 2025-11-20 10:00:00 UTC, each also without a time or without a zone, which is Tbilisi's then. The forms are those of
-- src/domain/Moment.ts, pattern by pattern.
CREATE OR REPLACE FUNCTION :SCHEMA.read_moment(said text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  part text[];
  day  int;
BEGIN
  -- What RentProg writes day in, day out is read by PostgreSQL itself, in a tenth of the time: ISO 8601 in its long form with a
  -- zone, and DD-MM-YYYY H:mm, both of a day that the month has. Nothing in it depends on how a session reads dates.
  IF said ~ (
    '^[1-9][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)'
      || 'T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$'
  ) THEN
    RETURN replace(said, 'Z', '+00:00')::timestamptz;
  END IF;
  IF said ~ (
    '^((0[1-9]|1[0-9]|2[0-8])-(0[1-9]|1[0-2])|(29|30)-(0[13-9]|1[0-2])|31-(0[13578]|1[02]))-[1-9][0-9]{3}'
      || ' ([01]?[0-9]|2[0-3]):[0-5][0-9]$'
  ) THEN
    RETURN (
      substr(said, 7, 4) || '-' || substr(said, 4, 2) || '-' || left(said, 2)
        || 'T' || lpad(substr(said, 12), 5, '0') || ':00+04:00'
    )::timestamptz;
  END IF;

  said := btrim(left(said, 100), E' \t\r\n');
  said := regexp_replace(said, '^([0-9]{2})-([0-9]{2})-([0-9]{4})(?![0-9])', E'\\3-\\2-\\1');
  said := regexp_replace(said, '^([0-9]{4})([0-9]{2})([0-9]{2})(?=[Tt]|$)', E'\\1-\\2-\\3');
  said := regexp_replace(said, '([Tt][0-9]{2})([0-9]{2})(?![0-9]*:)', E'\\1:\\2');
  said := regexp_replace(said, '([Tt][0-9]{2}:[0-9]{2})([0-9]{2})', E'\\1:\\2');
  part := regexp_match(
    said,
    '^([1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
    '(?:[Tt ]([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?'
    '(?: ?([Zz]|UTC|GMT|([+-])(0[0-9]|1[0-4])(?::?([0-5][0-9]))?))?)?$'
  );
  day  := part[3]::int;
  IF part IS NULL OR day > extract(day FROM make_date(part[1]::int, part[2]::int, 1) + interval '1 month - 1 day') THEN
    RETURN NULL;
  END IF;
  RETURN make_timestamp(
    part[1]::int, part[2]::int, day, coalesce(part[4]::int, 0), coalesce(part[5]::int, 0),
    (coalesce(part[6], '0') || '.' || coalesce(part[7], '0'))::float8
  ) AT TIME ZONE CASE
    WHEN part[8] IS NULL THEN interval '4 hours'
    WHEN part[9] IS NULL THEN interval '0'
    ELSE make_interval(mins => (part[9] || '1')::int * (part[10]::int * 60 + coalesce(part[11]::int, 0)))
  END;
END
$$;
