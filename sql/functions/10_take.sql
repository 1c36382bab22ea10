-- What is next for a branch: the records that its oldest due events are about, each with all that waits for it, due or not. Of
-- each type the first few come, and whether there are more. `held` names records that are left out, as `car:59439`: their due
-- events are read past.
--
-- It is planned once for each session, maybe while the tables are empty. So each step may only go by the index that the order
-- of its rows names: any other way would read through all that there is by then.
CREATE OR REPLACE FUNCTION :SCHEMA.take_events(of_branch text, held text[], most int, most_of_type int) RETURNS TABLE (
  id text, branch text, type text, ext_id text, attempts int, traceparent text, due boolean,
  is_crowded boolean, least_attempts int, taken_at text, up_to text
)
LANGUAGE plpgsql STABLE
SET search_path = :SCHEMA, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_variable
BEGIN
  RETURN QUERY
  WITH oldest AS (
    SELECT split_part(events.type, '_', 1) AS kind, events.ext_id
    FROM events
    WHERE events.branch = of_branch
      AND NOT events.processed AND events.next_attempt_at < 'infinity' AND events.next_attempt_at <= now()
      AND NOT EXISTS (SELECT FROM paused_branches WHERE paused_branches.branch = of_branch)
      AND split_part(events.type, '_', 1) || ':' || events.ext_id NOT IN (SELECT one.name FROM unnest(held) AS one (name))
      -- An actor can do something about it.
      AND (events.ok IS NULL OR events.attempts > 0) AND events.attempts IS NOT NULL
      AND events.type IN (
        'car_create', 'car_update', 'car_destroy', 'client_create', 'client_update', 'client_destroy',
        'booking_create', 'booking_update', 'booking_destroy'
      )
      AND events.ext_id ~ '^[A-Za-z0-9_-]{1,64}$'
      AND NOT EXISTS (
        SELECT FROM row_refusals
        WHERE row_refusals.source = 'event' AND row_refusals.source_id = events.id AND row_refusals.next_attempt_at > now()
        OFFSET 0
      )
    ORDER BY events.next_attempt_at, events.id
    LIMIT most
  ), found AS (
    SELECT DISTINCT oldest.kind, oldest.ext_id FROM oldest
  )
  SELECT event.id::text, event.branch::text, event.type::text, event.ext_id::text, event.attempts::int,
    id_text(event.metadata -> 'traceparent'), event.next_attempt_at <= now(),
    waiting.is_crowded, waiting.least_attempts, to_jsonb(now()) #>> '{}',
    (SELECT events.id::text FROM events ORDER BY events.id DESC LIMIT 1)
  FROM found
  CROSS JOIN LATERAL (
    SELECT count(*) > most_of_type AS is_crowded, min(events.attempts)::int AS least_attempts,
      (array_agg(events.id ORDER BY events.id))[1:most_of_type] AS first
    FROM (
      SELECT events.id, events.type, events.attempts FROM events
      -- Not by `=`: the order names the index.
      WHERE events.branch = of_branch AND events.ext_id BETWEEN found.ext_id AND found.ext_id
        AND events.type IN (found.kind || '_create', found.kind || '_update', found.kind || '_destroy')
        AND NOT events.processed AND events.next_attempt_at < 'infinity'
        AND (events.ok IS NULL OR events.attempts > 0) AND events.attempts IS NOT NULL
        AND NOT EXISTS (
          SELECT FROM row_refusals
          WHERE row_refusals.source = 'event' AND row_refusals.source_id = events.id AND row_refusals.next_attempt_at > now()
          OFFSET 0
        )
      ORDER BY events.ext_id
      OFFSET 0
    ) AS events
    GROUP BY events.type
    OFFSET 0
  ) AS waiting
  CROSS JOIN LATERAL unnest(waiting.first) AS one (id)
  CROSS JOIN LATERAL (SELECT events.* FROM events WHERE events.id = one.id OFFSET 0) AS event
  ORDER BY event.id;
END
$$;
