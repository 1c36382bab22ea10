-- What SQL and the service both say of the rows of events and history.

-- How a row stands. src/domain/Row.ts names the same states.
CREATE OR REPLACE FUNCTION :SCHEMA.row_state(processed boolean, ok boolean, reason text, next_attempt_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN processed AND ok IS NOT FALSE THEN 'processed'
    WHEN processed                     THEN 'discarded'
    WHEN next_attempt_at = 'infinity'  THEN 'parked'
    WHEN reason IS NULL                THEN 'pending'
    ELSE 'waiting'
  END;

-- The channel of a notification. Outside of schema public it begins with the schema's name: whoever listens to the
-- plain one reads ids of other tables.
CREATE OR REPLACE FUNCTION :SCHEMA.notification_channel(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ':CHANNEL.' || name;
