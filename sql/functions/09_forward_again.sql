-- Forwarding, what was missed: rows that the trigger on another system's table could not write, or that are older than it.

-- How many rows were lost of which nothing is noted. The sequences themselves are their owner's alone.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_lost() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
AS $$
BEGIN
  RETURN (SELECT CASE WHEN losses.is_called THEN losses.last_value ELSE 0 END FROM forward_losses AS losses);
END
$$;

-- How many of these nobody can find, because their ts does not tell.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_lost_for_good() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = :SCHEMA, pg_temp
AS $$
BEGIN
  RETURN (SELECT CASE WHEN losses.is_called THEN losses.last_value ELSE 0 END FROM forward_unfindable AS losses);
END
$$;

-- Writes rows that are noted as missed, `most` at most, and answers how many it has looked at. Each call is to be a transaction
-- of its own. One that fails again is tried after 30 s.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_again(most int) RETURNS int
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
DECLARE
  miss    record;
  looked  int := 0;
  why     text;
  context text;
BEGIN
  FOR miss IN
    SELECT missed.id, missed.source, missed.target, missed.said, missed.attempts
    FROM forward_misses AS missed WHERE missed.next_attempt_at <= now()
    ORDER BY missed.id LIMIT most
    FOR UPDATE SKIP LOCKED
  LOOP
    looked := looked + 1;
    BEGIN
      PERFORM forward(miss.source, miss.target, miss.said);
      DELETE FROM forward_misses WHERE forward_misses.id = miss.id;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
      why := forward_why(SQLSTATE, SQLERRM, context);
      UPDATE forward_misses
      SET why = why, attempts = miss.attempts + 1, next_attempt_at = now() + interval '30 seconds'
      WHERE forward_misses.id = miss.id;
      -- The next one would wait as long.
      EXIT WHEN SQLSTATE IN ('55P03', '40P01');
    END;
  END LOOP;
  RETURN looked;
END
$$;

-- Copies rows that another system has written since a moment, and whose ids are not here yet: of those whose id comes after
-- `after`, `most` at most. With `overwritten` also rows that are here and are of that moment or later: what they were overwritten
-- with may be missing, and a time without a zone may be a day off then. Answers the last id, how many it has looked at and how many of these were there already. Each call is to be a
-- transaction of its own.
CREATE OR REPLACE FUNCTION :SCHEMA.forward_since(
  source text, target text, since timestamptz, after text, most int, overwritten timestamptz, OUT last text, OUT looked int, OUT there int
)
LANGUAGE plpgsql
SET search_path = :SCHEMA, pg_temp
SET lock_timeout = '2s'
AS $$
#variable_conflict use_variable
DECLARE
  own     record;
  why     text;
  context text;
  slack   constant interval := CASE
    WHEN overwritten IS NULL OR (
      SELECT moment.atttypid = 'timestamptz'::regtype FROM pg_attribute AS moment
      WHERE moment.attrelid = source::regclass AND moment.attname = 'ts' AND NOT moment.attisdropped
    ) THEN '0'
    ELSE '4 days'
  END;
BEGIN
  looked := 0;
  there  := 0;
  FOR own IN EXECUTE (
    SELECT format(
      'SELECT own.id::text AS id, :SCHEMA.forward_reads(own.*) AS said, own.ts >= $4 - $5 AS is_overwritten
       FROM %s AS own WHERE own.ts >= $1 - $5 AND own.id IS NOT NULL %s ORDER BY own.id LIMIT $3',
      source, CASE WHEN after IS NOT NULL THEN format('AND own.id > $2::%s', format_type(key.atttypid, key.atttypmod)) END
    )
    FROM pg_attribute AS key
    WHERE key.attrelid = source::regclass AND key.attname = 'id' AND NOT key.attisdropped
  ) USING since, after, most, overwritten, slack LOOP
    last   := own.id;
    looked := looked + 1;
    -- forward() tells by itself which sentences are there.
    IF own.is_overwritten IS NOT TRUE AND (CASE target
      WHEN 'history' THEN EXISTS (SELECT FROM history WHERE history.receipt = forward_receipt(source, own.id))
      ELSE EXISTS (SELECT FROM events WHERE events.receipt = forward_receipt(source, own.id))
    END) THEN
      there := there + 1;
      CONTINUE;
    END IF;
    BEGIN
      IF NOT forward(source, target, own.said) THEN
        there := there + 1;
      END IF;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
      why := forward_why(SQLSTATE, SQLERRM, context);
      INSERT INTO forward_misses (source, target, said, why) VALUES (source, target, own.said, why);
    END;
  END LOOP;
END
$$;
