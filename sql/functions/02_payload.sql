-- From what a webhook carries to an object of plain values.

-- The text between the quotes of a Ruby string, as a JSON string. JSON's own escapes stay as they are; Ruby's others
-- (\e, \#, \u{1f600}, \x41, …) become the character they stand for.
CREATE OR REPLACE FUNCTION :SCHEMA.ruby_string_to_json(inside text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN position('\' IN inside) = 0 THEN to_json(inside)::text ELSE (
    SELECT '"' || string_agg(
      CASE
        WHEN left(piece, 1) <> '\' THEN substr(to_json(piece)::text, 2, length(to_json(piece)::text) - 2)
        WHEN piece ~ '^\\(["\\/bfnrt]|u[0-9a-fA-F]{4})$' THEN piece
        WHEN left(piece, 3) = '\u{' THEN chr(('x' || lpad(btrim(piece, '\u{}'), 8, '0'))::bit(32)::int)
        WHEN left(piece, 2) = '\x' THEN '\u' || lpad(substr(piece, 3), 4, '0')
        WHEN piece = '\e' THEN '\u001b'
        WHEN piece = '\a' THEN '\u0007'
        WHEN piece = '\v' THEN '\u000b'
        WHEN piece = '\0' THEN '\u0000'
        ELSE substr(piece, 2)
      END, '' ORDER BY n) || '"'
    FROM regexp_matches(
      inside,
      '\\u\{[0-9a-fA-F]+\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{1,2}|\\.|[^\\]+',
      'g'
    ) WITH ORDINALITY AS pieces (matched, n), LATERAL (SELECT matched[1] AS piece) AS first
  ) END;

-- A number as Ruby prints it, where JSON has it, too; else null. More digits of an exponent than these make no number that
-- PostgreSQL holds.
CREATE OR REPLACE FUNCTION :SCHEMA.ruby_number(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN said ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN said END;

-- A Ruby hash in which objects, #<Price id: 1, label: "x > y">, are the strings of what they print, and old Ruby's
-- #<BigDecimal:7f8b,'0.15E1',9(18)> is its number. An object may hold strings and other objects; each token is met once.
CREATE OR REPLACE FUNCTION :SCHEMA.quote_ruby_objects(ruby text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg(
    CASE
      WHEN part.is_object AND left(part.said, 2) = '#<' THEN coalesce(
        :SCHEMA.ruby_number(substring(part.said FROM '^#<BigDecimal:[0-9a-f]+,''([^'']*)'',')),
        to_json(part.said)::text
      )
      ELSE part.said
    END, '' ORDER BY part.n)
  FROM (
    SELECT min(placed.n) AS n, placed.is_object, string_agg(placed.token, '' ORDER BY placed.n) AS said
    FROM (
      SELECT nested.n, nested.token, nested.depth > 0 OR nested.depth > nested.step AS is_object,
        -- How many objects have begun.
        count(*) FILTER (WHERE nested.depth = 1 AND nested.step = 1) OVER (ORDER BY nested.n) AS object
      FROM (
        SELECT tokens.n, tokens.matched[1] AS token, step.step, sum(step.step) OVER (ORDER BY tokens.n) AS depth
        FROM regexp_matches(ruby, '"(?:[^"\\]|\\.)*"?|=>|#<|[^"#<>=]+|.', 'g') WITH ORDINALITY AS tokens (matched, n),
          LATERAL (
            SELECT CASE matched[1] WHEN '#<' THEN 1 WHEN '<' THEN 1 WHEN '>' THEN -1 ELSE 0 END AS step
          ) AS step
      ) AS nested
    ) AS placed
    GROUP BY placed.is_object, placed.object
  ) AS part;
END;

-- A Ruby hash, as Ruby's inspect prints it, as jsonb: `=>` and `key:` for `:`, nil for null, symbols, dates and
-- objects for strings. The text is read token by token, so that none of these means anything inside a string. Every character
-- belongs to some token whatever the text is, which keeps the time linear; what is not Ruby fails as JSON. Letters
-- beyond ASCII are given by their numbers: which of them [[:alpha:]] knows depends on the database's locale.
CREATE OR REPLACE FUNCTION :SCHEMA.read_ruby_hash(ruby text) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg(
    CASE
      WHEN token = '=>' THEN ':'
      WHEN token = 'nil' THEN 'null'
      WHEN left(token, 1) = '"' AND right(token, 2) = '":' THEN
        :SCHEMA.ruby_string_to_json(substr(token, 2, length(token) - 3)) || ':'
      -- Nearly every string has nothing escaped; a call for each would cost more than all the rest.
      WHEN left(token, 1) = '"' AND right(token, 1) = '"' AND token <> '"' AND position('\' IN token) = 0 THEN
        to_json(substr(token, 2, length(token) - 2))::text
      WHEN left(token, 1) = '"' AND right(token, 1) = '"' AND token <> '"' THEN
        :SCHEMA.ruby_string_to_json(substr(token, 2, length(token) - 2))
      WHEN left(token, 2) = ':"' AND right(token, 1) = '"' AND token <> ':"' THEN
        :SCHEMA.ruby_string_to_json(substr(token, 3, length(token) - 3))
      WHEN left(token, 1) = ':' AND token <> ':' THEN to_json(substr(token, 2))::text
      WHEN right(token, 1) = ':' AND token <> ':' THEN to_json(rtrim(token, ':'))::text || ':'
      WHEN left(token, 12) = 'BigDecimal("' THEN coalesce(
        :SCHEMA.ruby_number(substr(token, 13, length(token) - 14)), to_json(substr(token, 13, length(token) - 14))::text
      )
      WHEN token LIKE '___, __ ___ ____%' OR token LIKE '____-__-__%' THEN to_json(token)::text
      ELSE token
    END, '' ORDER BY n)::jsonb
  FROM regexp_matches(
    CASE WHEN position('#<' IN ruby) = 0 THEN ruby ELSE :SCHEMA.quote_ruby_objects(ruby) END,
    '=>'
    -- A string, a quoted key, a quoted symbol. One that is never closed runs to the end.
    '|:?"(?:[^"\\]|\\.)*"?|"(?:[^"\\]|\\.)*":'
    '|BigDecimal\("[^"]*"\)'
    -- :symbol, key:, and any other word.
    '|:[\w\u0080-\U0010FFFF]+[?!]?|[A-Za-z_\u0080-\U0010FFFF][\w\u0080-\U0010FFFF]*(?:[?!]?:)?'
    -- Mon, 03 Nov 2025 and Mon, 03 Nov 2025 10:00:00.000000000 +04 +04:00, and the same as 2025-11-03 10:00:00 +0400
    '|(?:[A-Z][a-z][a-z], \d\d [A-Z][a-z][a-z] \d{4}|\d{4}-\d\d-\d\d)'
    '(?: \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z+-][A-Z0-9]*)?(?: [+-]\d\d:\d\d)?)?'
    '|[-+]?\d[\d.eE+-]*|\s+|.',
    'g'
  ) WITH ORDINALITY AS tokens (matched, n), LATERAL (SELECT matched[1] AS token) AS first;
END;

-- The same, and at once for the usual hash, which has nothing but strings, numbers, nil, true and false, and nothing escaped.
-- Split at its quotes, it is in turn outside and inside of strings. Whatever else stands outside is left to the tokens: also
-- what may be a date, digits with a minus behind them. A test holds the two ways together. The backslash is one whatever a
-- session's standard_conforming_strings.
CREATE OR REPLACE FUNCTION :SCHEMA.parse_ruby_hash(ruby text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  outside text;
  said    text;
  pieces  bigint;
BEGIN
  IF position(E'\\' IN ruby) = 0 AND position('#<' IN ruby) = 0 THEN
    SELECT string_agg(piece.said, '"' ORDER BY piece.n) FILTER (WHERE piece.n % 2 = 1),
      string_agg(
        CASE
          WHEN piece.n % 2 = 1 THEN replace(replace(piece.said, '=>', ':'), 'nil', 'null')
          ELSE to_json(piece.said)::text
        END, '' ORDER BY piece.n
      ),
      count(*)
    INTO outside, said, pieces
    FROM string_to_table(ruby, '"') WITH ORDINALITY AS piece (said, n);
    IF pieces % 2 = 1 AND outside !~ '[0-9.]-' AND outside ~ '^(?:[]["{},=>0-9. -]|nil|true|false)*$' THEN
      RETURN said::jsonb;
    END IF;
  END IF;
  RETURN read_ruby_hash(ruby);
END
$$;

-- What was received as an object, or null where it is none: an object, the text of a JSON object, or the text of a
-- Ruby hash.
CREATE OR REPLACE FUNCTION :SCHEMA.read_payload(received jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  said text;
  read jsonb;
BEGIN
  IF jsonb_typeof(received) = 'object' THEN
    RETURN received;
  ELSIF jsonb_typeof(received) IS DISTINCT FROM 'string' THEN
    RETURN NULL;
  END IF;

  said := received #>> '{}';
  BEGIN
    read := said::jsonb;
  EXCEPTION WHEN OTHERS THEN
    -- Only a hash is worth the reading.
    IF said !~ E'^\\s*\\{' THEN
      RETURN NULL;
    END IF;
    BEGIN
      read := parse_ruby_hash(said);
    EXCEPTION WHEN OTHERS THEN
      RETURN NULL;
    END;
  END;
  RETURN CASE WHEN jsonb_typeof(read) = 'object' THEN read END;
END
$$;

-- An update says [old, new] for each changed field: every array becomes its last element, an empty one null.
CREATE OR REPLACE FUNCTION :SCHEMA.last_of_arrays(payload jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(
    jsonb_object_agg(
      field.key,
      CASE WHEN jsonb_typeof(field.value) = 'array' THEN coalesce(field.value -> -1, 'null') ELSE field.value END
    ),
    '{}'
  )
  FROM jsonb_each(payload) AS field;
END;

-- An id as a text. What can be none says what it is instead: a number or an object of some bytes may print as gigabytes.
CREATE OR REPLACE FUNCTION :SCHEMA.id_text(said jsonb) RETURNS text
-- Not STRICT: PostgreSQL would not inline it.
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(said)
  WHEN 'null'   THEN NULL
  WHEN 'string' THEN said #>> '{}'
  WHEN 'number' THEN CASE
    WHEN abs(said::numeric) < 1e100 AND scale(said::numeric) <= 100 THEN said #>> '{}'
    ELSE 'a number of very many digits'
  END
  ELSE 'a JSON ' || jsonb_typeof(said)
END;

-- What a webhook says that changed, as entity_timeline has it: {field: [old, new]}. Null where it says nothing of the kind.
CREATE OR REPLACE FUNCTION :SCHEMA.read_changes(received jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  pairs   jsonb;
  field   text;
  changes jsonb := '{}';
BEGIN
  IF jsonb_typeof(received) = 'object' THEN
    pairs := jsonb_path_query_array(
      received, 'strict $.keyvalue() ? (@.value.type() == "array" && @.value.size() == 2).key'
    );
    -- Cheaper than a statement, as long as they are few.
    IF jsonb_array_length(pairs) BETWEEN 1 AND 10 THEN
      FOR n IN 0 .. jsonb_array_length(pairs) - 1 LOOP
        field   := pairs ->> n;
        changes := changes || jsonb_build_object(field, received -> field);
      END LOOP;
      RETURN changes;
    END IF;
  END IF;
  RETURN (
    SELECT jsonb_object_agg(sent.key, sent.value)
    FROM jsonb_each(read_payload(received)) AS sent
    WHERE CASE jsonb_typeof(sent.value) WHEN 'array' THEN jsonb_array_length(sent.value) = 2 ELSE false END
  );
END
$$;

-- The same, and at once for an object that says nothing of the kind. Not STRICT, so that PostgreSQL inlines it.
CREATE OR REPLACE FUNCTION :SCHEMA.event_changes(received jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN jsonb_typeof(received) = 'object'
    AND NOT jsonb_path_exists(received, 'strict $.* ? (@.type() == "array" && @.size() == 2)') THEN NULL
  ELSE :SCHEMA.read_changes(received)
END;
