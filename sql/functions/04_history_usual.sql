-- The sentences that RentProg writes day in, day out are read here, without the grammar. Whatever is not quite like them is
-- left to the grammar, which says the same of these and takes several times as long.
--
-- What is quick: string functions, and regular expressions that capture nothing.

-- Words that make more of a sentence than it seems, wherever they stand in a name.
CREATE OR REPLACE FUNCTION :SCHEMA.history_unusual() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN :SCHEMA.history_verbs() || :SCHEMA.history_nouns()
    || jsonb_object(:SCHEMA.history_doubts(), :SCHEMA.history_doubts())
    || jsonb_object(:SCHEMA.history_nameless(), :SCHEMA.history_nameless())
    || '{
      "для": "", "на": "", "с": "", "со": "", "по": "", "за": "", "у": "", "от": "", "до": "", "в": "", "во": "", "к": "",
      "ко": "", "из": "", "из-за": "", "при": "", "через": "", "for": "", "on": "", "with": "", "in": "", "at": "", "to": "",
      "till": "", "until": "", "by": "", "via": "", "of": "", "off": "", "from": "", "into": "", "due": ""
    }'::jsonb;

-- Whether a text has none of these words.
CREATE OR REPLACE FUNCTION :SCHEMA.history_is_usual(said text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN NOT :SCHEMA.history_unusual() ?| string_to_array(:SCHEMA.history_fold(said), ' ');

-- One to four words that begin with capital letters, where a text begins with them, and the space behind.
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_name(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN substring(said FROM '^[A-ZА-ЯЁ\u10d0-\u10ff][A-Za-zА-Яа-яЁё\u10d0-\u10ff''’.-]*'
    '(?: [A-ZА-ЯЁ\u10d0-\u10ff][A-Za-zА-Яа-яЁё\u10d0-\u10ff''’.-]*){0,3} ?,? ');

-- Whether nothing follows a number, or a name behind a dash: " - BMW X6 704". A name that begins as "and" or "or" does could
-- go on with a second number.
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_aside(said text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN said = '' OR (
    said ~ '^ - ([B-NP-ZА-ЗЙ-ЯЁ\u00c0-\u00d6]|[AO][A-MO-QS-Za-mo-qs-z])[0-9A-Za-z\u00c0-\u024fА-Яа-яЁё .''-]*$'
    AND :SCHEMA.history_is_usual(said)
  );

-- mileage с 1 на 2, color с на red: {changes: {field: {old, new}}}
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_changes(said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  changes jsonb := '{}';
  change  text;
  field   text;
  small   text;
  place   int;
  was     text;
  now     text;
BEGIN
  FOREACH change IN ARRAY string_to_array(said, ', ') LOOP
    field  := split_part(change, ' ', 1);
    small  := split_part(change, ' ', 2);
    change := rtrim(substr(change, length(field || small) + 2), ' ,') || ' ';
    place  := position(CASE small WHEN 'с' THEN ' на ' WHEN 'from' THEN ' to ' END IN change);
    was    := btrim(left(change, place - 1));
    now    := btrim(substr(change, place + 4));
    change := was || ' ' || now;
    IF place > 0 AND change <> ' ' AND field ~ '^[a-z][a-z0-9_]*$' AND NOT changes ? field
      AND NOT jsonb '{"с": "", "на": "", "и": "", "from": "", "to": "", "and": ""}' ?| string_to_array(history_fold(change), ' ')
    THEN
      changes := changes || jsonb_build_object(field, jsonb_build_object('old', nullif(was, ''), 'new', now));
    ELSE
      RETURN NULL;
    END IF;
  END LOOP;
  RETURN jsonb_build_object('changes', nullif(changes, '{}'));
END
$$;

-- , приход наличными 30.0USD: {payment: {ids, direction, method, amount, currency}}
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_payment(id text, said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  direction text;
  way       text;
  method    text;
  number    text;
  currency  text;
  payment   jsonb := '{}';
BEGIN
  IF said <> '' THEN
    direction := split_part(ltrim(said, ' ,'), ' ', 1);
    IF left(said, 1) NOT IN (' ', ',') OR direction NOT IN (
      'приход', 'расход', 'возврат', 'income', 'expense', 'refund'
    ) THEN
      RETURN NULL;
    END IF;
    said := substr(ltrim(said, ' ,'), length(direction) + 2);
    IF said !~ '^[0-9]' THEN
      way    := split_part(said, ' ', 1);
      method := history_way(way);
      said   := substr(said, length(way) + 2);
      IF method IS NULL THEN
        RETURN NULL;
      END IF;
    END IF;
    number   := substring(said FROM '^[0-9][0-9 .,]*');
    currency := history_fold(substr(said, length(number) + 1));
    number   := rtrim(number, ' ');
    payment  := history_amount(number, currency);
  END IF;
  payment := payment || jsonb_strip_nulls(jsonb_build_object(
    'ids', jsonb_build_array(id), 'method', method, 'direction', CASE
      WHEN direction IN ('приход', 'income') THEN 'income'
      WHEN direction IN ('возврат', 'refund') THEN 'refund'
      WHEN direction <> '' THEN 'expense'
    END
  ));
  RETURN CASE WHEN payment IS NOT NULL THEN jsonb_build_object('payment', payment) END;
END
$$;

-- от Анна Смит 400.0 GEL | 7 | /8: {counterparty, payment: {ids, amount, currency, direction, method}}
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_hand_over(said text, id text, other_id text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  small    text := split_part(said, ' ', 1);
  other    text;
  number   text;
  currency text;
  payment  jsonb;
BEGIN
  said     := substr(said, length(small) + 2);
  other    := history_usual_name(said);
  said     := substr(said, length(other) + 1);
  other    := rtrim(other, ' ,');
  number   := substring(said FROM '^[0-9][0-9 .,]*');
  currency := history_fold(substr(said, length(number) + 1));
  number   := rtrim(number, ' ');
  payment  := history_amount(number, currency);
  IF payment IS NOT NULL AND small IN ('от', 'from') AND history_is_usual(other)
    AND other_id ~ '^/[0-9]{1,18}$' AND other_id <> '/' || id
  THEN
    RETURN jsonb_build_object('counterparty', other, 'payment', payment || jsonb_build_object(
      'ids', jsonb_build_array(id, substr(other_id, 2)), 'direction', 'transfer', 'method', 'cash'
    ));
  END IF;
  RETURN NULL;
END
$$;

-- в объекте №59439 закрепить бачок: {car_id, text}
CREATE OR REPLACE FUNCTION :SCHEMA.history_usual_job(said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  place text := split_part(replace(said, '#', '№'), '№', 1);
  car   text;
BEGIN
  IF said = '' THEN
    RETURN '{}';
  END IF;
  said := ltrim(substr(said, length(place) + 2), ' ');
  car  := substring(said FROM '^[0-9]{1,18}');
  said := substr(said, length(car) + 1);
  IF rtrim(place, ' ') IN (' в объекте', ' in object', ' in car') AND said ~ '^( [A-Za-zА-Яа-яЁё][^№#/]*)?$' THEN
    RETURN jsonb_strip_nulls(jsonb_build_object('car_id', car, 'text', nullif(substr(said, 2), '')));
  END IF;
  RETURN NULL;
END
$$;

-- What a sentence of the operations log says, or null where it does not read. The keys: entity_type, entity_id,
-- operation, and where the sentence has them user_name, changes, payment, counterparty, car_id, text.
CREATE OR REPLACE FUNCTION :SCHEMA.parse_history_description(description text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  who    text;
  verb   text;
  deed   text;
  before text;
  noun   text;
  kind   text;
  id     text;
  said   text;
  more   jsonb;
BEGIN
  <<usual>>
  BEGIN
    -- Characters that are what they seem, and single spaces.
    EXIT usual WHEN length(description) > 1000
      OR description ~ E'[^ -:<-~\\u00a1-\\u02ff\\u0370-\\u167f№€₾₽–—’]|  |[ ,]$';

    who    := history_usual_name(description);
    said   := substr(description, length(who) + 1);
    who    := rtrim(who, ' ,');
    verb   := split_part(said, ' ', 1);
    said   := ltrim(substr(said, length(verb) + 1), ' ,');
    verb   := rtrim(verb, ',');
    deed   := history_verb(verb);
    -- Nobody is told of by "создана" and "принят".
    EXIT usual WHEN deed IS NULL OR right(rtrim(verb, 'ао'), 1) IN ('н', 'т') OR NOT history_is_usual(who);
    deed   := CASE deed WHEN 'add' THEN 'create' ELSE deed END;

    -- The noun of the first number, what stands between the verb and the noun, and what follows the number.
    before := split_part(replace(said, '#', '№'), '№', 1);
    said   := ltrim(substr(said, length(before) + 2), ' ');
    before := rtrim(before, ' ');
    id     := substring(said FROM '^[0-9]{1,18}');
    said   := substr(said, length(id) + 1);
    noun   := split_part(replace(before, ',', ' '), ' ', -1);
    before := rtrim(left(before, -length(noun)), ' ');
    -- To a client something else was done.
    kind   := CASE WHEN right(noun, 1) NOT IN ('у', 'ю') THEN history_noun(replace(noun, 'ё', 'е')) END;

    IF before = '' THEN
      more := CASE
        WHEN deed NOT IN ('create', 'update', 'delete', 'cancel', 'complete') THEN NULL
        WHEN kind = 'maintenance' THEN CASE WHEN deed <> 'update' THEN history_usual_job(said) END
        WHEN deed = 'complete' THEN NULL
        WHEN kind = 'payment' THEN history_usual_payment(id, said)
        WHEN kind <> 'object' AND history_usual_aside(said) THEN '{}'
      END;
    ELSIF deed = 'update' AND kind IN ('booking', 'car', 'client') THEN
      more := CASE WHEN history_usual_aside(said) THEN CASE
        WHEN right(before, 2) = ' в' THEN history_usual_changes(rtrim(left(before, -2), ' ,'))
        WHEN right(before, 3) = ' in' THEN history_usual_changes(rtrim(left(before, -3), ' ,'))
      END END;
    ELSIF rtrim(before, ' ,') IN ('авто', 'car') AND deed IN ('issue', 'return') AND noun IN ('бронь', 'booking') THEN
      more := CASE WHEN history_usual_aside(said) THEN '{}' END;
    ELSIF deed = 'return' AND kind = 'payment' AND verb NOT IN ('вернул', 'вернула') THEN
      deed := 'transfer';
      more := history_usual_hand_over(rtrim(before, ' ,'), id, said);
    END IF;
    EXIT usual WHEN more IS NULL OR id IS NULL;
    RETURN jsonb_build_object('entity_type', kind, 'entity_id', id, 'operation', deed, 'user_name', who) || more;
  END usual;
  RETURN read_history_sentence(description);
END
$$;
