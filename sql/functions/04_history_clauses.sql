-- The parts of a sentence of the operations log: numbered things, changes, amounts, and what only says where. Where a
-- function takes `told` as well, that is `said` in small letters.
--
-- The regular expressions stop where what they look for stops, and the rest is cut off by its place: to capture the rest,
-- too, takes ten times as long.

-- A noun, its mark and its number: captures all three, the noun, the number, and whatever keeps it from being the number:
-- a letter or another digit, or part of another number.
CREATE OR REPLACE FUNCTION :SCHEMA.history_thing() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '(([a-zа-я]+)[ ,]*[№#] ?([0-9]+))([0-9A-Za-z\u00c0-\u1fff]|[-–./,:][0-9])?';

-- What such a thing is, or null where it is none.
CREATE OR REPLACE FUNCTION :SCHEMA.history_kind(thing text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN thing[4] IS NULL AND length(thing[3]) <= 18 THEN :SCHEMA.history_noun(thing[2]) END;

-- changes: {field: {old, new}}, or null where a part of them is no change, or a field changes twice.
CREATE OR REPLACE FUNCTION :SCHEMA.history_changes(said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  changes jsonb := '{}';
  place   int   := 1;
  part    text;
  matched text[];
  field   text;
  written text;
  sides   text[];
BEGIN
  FOREACH part IN ARRAY regexp_split_to_array(history_fold(said), '(?<=[ ,])(?=[a-z][a-z0-9_]* (с|from) )') LOOP
    -- The field and its "с", and then the old value and the new one.
    matched := regexp_match(part, '^(([a-z][a-z0-9_]*) (с|from)) ');
    field   := matched[2];
    written := rtrim(substr(said, place + length(matched[1]), length(part) - length(matched[1])), ' ,;');
    sides   := string_to_array(
      substr(part, length(matched[1]) + 1, length(written)) || ' ', CASE matched[3] WHEN 'с' THEN ' на ' ELSE ' to ' END
    );
    place   := place + length(part);
    -- A second "на" could belong to either value, and an "и" before the next field to neither.
    IF cardinality(sides) IS DISTINCT FROM 2 OR changes ? field OR btrim(sides[1] || sides[2]) = ''
      OR place <= length(said) AND sides[2] ~ ' (и|and) $'
    THEN
      RETURN NULL;
    END IF;
    changes := changes || jsonb_build_object(field, jsonb_build_object(
      'old', nullif(btrim(left(written, length(sides[1]))), ''), 'new', btrim(substr(written, length(sides[1]) + 5))
    ));
  END LOOP;
  RETURN changes;
END
$$;

-- The new amount in `сумма с 30.0USD на 40.0USD`, {amount, currency}, or null.
CREATE OR REPLACE FUNCTION :SCHEMA.history_new_amount(told text) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT :SCHEMA.history_amount(found.sides[5], found.sides[4] || found.sides[6])
  FROM regexp_match(
    told,
    '^[ ,:]*(?:сумм[ау]|sum|amount) (?:с|from) ([$€₾₽]?) ?([0-9][0-9 .,]*?) ?([$€₾₽]|[a-zа-я]*)'
      || ' (?:на|to) ([$€₾₽]?) ?([0-9][0-9 .,]*?) ?([$€₾₽]|[a-zа-я]*)[ .]*$'
  ) AS found (sides)
  WHERE :SCHEMA.history_amount(
    found.sides[2], coalesce(nullif(found.sides[1] || found.sides[3], ''), found.sides[4] || found.sides[6])
  ) IS NOT NULL;
END;

-- What is said of a payment behind its number: {payment, aside}, where aside is what is left to read; null where there is
-- something of an amount that does not read, because that must not become a payment of nothing.
CREATE OR REPLACE FUNCTION :SCHEMA.history_paid(said text, told text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  direction constant text[] := regexp_match(told, '((?:^|[ ,:;(])(приход|расход|возврат|income|expense|refund))[ ,:]');
  place     int;
  before    text            := '';
  matched   text[];
  near      text[];
  way       text;
  payment   jsonb           := '{}';
BEGIN
  IF direction IS NOT NULL THEN
    place  := position(direction[1] IN told);
    before := rtrim(left(said, place - 1), ' ,:;(');
    said   := substr(said, place + length(direction[1]));
    told   := substr(told, place + length(direction[1]));
    -- A way, a sign, a number.
    matched := regexp_match(told, '^([ ,:]+(?:([a-zа-я][a-zа-я ]*?)[ ,:]*)?([$€₾₽]?) ?([0-9](?:[0-9 .,]*[0-9])?))');
    way     := history_way(matched[2]);
    said    := substr(said, length(matched[1]) + 1);
    told    := substr(told, length(matched[1]) + 1);
    -- A currency, where there was no sign before.
    near    := regexp_match(told, E'^(( ?)([$€₾₽]|[a-zа-я]+))([0-9A-Za-z\\u00c0-\\u1fff])?');
    payment := history_amount(matched[4], CASE WHEN matched[3] <> '' THEN matched[3] WHEN near[4] IS NULL THEN near[3] END);
    IF payment IS NULL OR way IS NULL AND matched[2] IS NOT NULL
      OR matched[3] <> '' AND (near[2] = '' OR history_currency(near[3]) IS NOT NULL)
      -- What stands before it can be a thing that it is for.
      OR before <> '' AND before !~ '[№#]'
    THEN
      RETURN NULL;
    ELSIF matched[3] = '' THEN
      said := substr(said, length(near[1]) + 1);
      told := substr(told, length(near[1]) + 1);
    END IF;
    -- A way, where there was none before.
    near := regexp_match(told, '^([ ,(]+((?:(?:по|с|на|in|by|bank|by bank|банковской|банковским) )?[a-zа-я]+)[)]?)');
    IF history_way(near[2]) IS NOT NULL THEN
      IF way IS NOT NULL THEN
        RETURN NULL;
      END IF;
      way  := history_way(near[2]);
      said := substr(said, length(near[1]) + 1);
    END IF;
    payment := payment || jsonb_strip_nulls(jsonb_build_object('method', way, 'direction', CASE direction[2]
      WHEN 'приход' THEN 'income'
      WHEN 'income' THEN 'income'
      WHEN 'возврат' THEN 'refund'
      WHEN 'refund' THEN 'refund'
      ELSE 'expense'
    END));
    said := before || said;
  END IF;
  IF history_fold(said) ~ (
    '[$€₾₽]|[0-9] ?(gel|usd|eur|rub|try|amd|azn|uah|kzt|byn|ils|aed|gbp|лари|долл|евро|руб)(?![a-zа-я])'
      || '|(^|[ ,:;(])(приход|расход|возврат|сумм[ауы]|перевод|наличн|безнал|картой|карту|карты|income|expense|refund|sum'
      || '|amount|transfer|cash|cashless|card)(?![a-z])'
  ) THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('payment', payment, 'aside', said);
END
$$;

-- What stands behind a thing and only says more of it: its name, the things that it belongs to, a reason. Answers the
-- numbers of these things, {car: "5"}, or null where the sentence becomes unclear.
CREATE OR REPLACE FUNCTION :SCHEMA.history_aside(said text, kind text, deed text, passive boolean) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  -- A payment is for a booking, and that is of a client and a car.
  ranks  constant jsonb   := '{"payment": 3, "booking": 2, "maintenance": 2, "car": 1, "client": 0}';
  -- What is written beside the thing could be what the deed was done to.
  risky  constant boolean := deed IN ('add', 'delete', 'cancel');
  told   text             := history_fold(said);
  words  text[];
  opens  text[];
  bare   boolean;
  other  text;
  near   text[];
  others jsonb            := '{}';
BEGIN
  IF btrim(said, ' .,:;!()-–—') = '' THEN
    RETURN others;
  END IF;
  IF position(':' IN told) > 0 THEN
    told := regexp_replace(told, '[ ,;(–—-]+(причина|комментарий|примечание|reason|comment|note) ?:.*$', '');
  END IF;
  words := string_to_array(translate(told, ',;:()', '     '), ' ');
  IF history_verbs() ?| words OR history_doubts() && words
    OR told ~ (
      -- A second number, as in "№5 и №6", "№5, 6", "№5/6".
      '(^|[№#] ?[0-9]{1,18}(?![0-9]))[ ,]*((и|или|and|or|[-–—&+])[ ,]*)*([№#/]|[0-9]{1,18} ?($|[,.;)]))'
      -- Changes, a question.
        || '|(^|[ ,:(])[a-z][a-z0-9_]* (с|from) |[?→]|[-=]>'
    )
    OR deed IN ('update', 'change', 'restore') AND words && '{с,на,в,from,to,in}'
  THEN
    RETURN NULL;
  END IF;

  opens := regexp_match(told, '^([ ,;:.(|–—-]*)([^ ,;:()№#]*)');
  bare  := btrim(opens[1]) = '';
  other := history_noun(opens[2]);
  IF (CASE
    WHEN opens[2] IN ('', 'автоматически', 'automatically') THEN false
    WHEN position('.' IN opens[1]) > 0 THEN true
    -- "Удалил авто № 5 из брони" deletes no car.
    WHEN opens[2] = ANY (
      '{для,на,с,со,по,за,у,от,до,в,во,к,ко,из,из-за,при,через,for,on,with,in,at,to,till,until,by,via,of,off,from,into,due}'
    ) THEN opens[2] <> ALL (CASE
      WHEN kind = 'payment' THEN '{по,за,к,в,для,на,от,of,for}'
      WHEN deed = 'create' THEN '{для,на,с,со,по,за,у,от,до,в,через,for,on,with,in,at,via}'
      WHEN deed IN ('extend', 'move') THEN '{на,с,со,до,по,to,till,until}'
      WHEN deed = 'cancel' THEN '{по,за,из-за,от,due}'
      WHEN deed IN ('issue', 'return', 'complete') THEN '{у,от,с,со,в,во,на,для,к,по,до,for,from,to,in,at,with}'
      WHEN kind = 'booking' THEN '{для,for}'
      ELSE '{}'
    END::text[])
    WHEN other IS NOT NULL AND (NOT bare OR told ~ '^ [a-zа-я]+ ?[№#]') THEN
      risky AND coalesce((ranks ->> other)::int >= (ranks ->> kind)::int, false)
    -- A small word that belongs to the thing stands apart from it. A name may stand right behind it.
    WHEN position(substr(said, length(opens[1]) + 1, 1) IN 'абвгдежзийклмнопрстуфхцчшщъыьэюяёabcdefghijklmnopqrstuvwxyz') > 0
    THEN bare OR risky AND NOT (deed = 'cancel' AND opens[1] ~ '[(:–—-]')
    ELSE bare AND (passive OR risky AND substr(said, length(opens[1]) + 1) ~ '^[А-ЯЁ]+( |$)')
  END) THEN
    RETURN NULL;
  END IF;

  IF told ~ '[№#]' THEN
    FOR near IN SELECT regexp_matches(
      told, E'([^ ,;:()№#]*)([ ,;:()]*)([a-zа-я]+)[ ,]*[№#](?: ?([0-9]+)([0-9A-Za-z\\u00c0-\\u1fff]|[-–./,:][0-9])?)?', 'g'
    ) LOOP
      other := replace(history_noun(near[3]), 'object', 'car');
      CONTINUE WHEN other IS NULL;
      -- A list of two things, or a thing taken out of another. Where changes are "в авто № 5", the rest only says where.
      IF near[4] IS NULL OR length(near[4]) > 18 OR near[5] IS NOT NULL OR others ? other OR other = kind
        OR (ranks ->> other)::int >= (ranks ->> kind)::int AND deed <> 'change' AND NOT (
          -- "Изменил авто № 5, бронь № 6" may be about either.
          deed IN ('create', 'update', 'restore') AND position(',' IN near[2]) > 0 AND (kind, other) <> ('car', 'booking')
        )
        OR position(',' IN near[2]) > 0 AND near[3] <> ALL (
          '{бронь,бронирование,авто,автомобиль,машина,объект,клиент,обслуживание,booking,car,object,client,service}'
        )
        OR near[1] IN ('из', 'from', 'into')
      THEN
        RETURN NULL;
      END IF;
      others := others || jsonb_build_object(other, near[4]);
    END LOOP;
  END IF;
  RETURN others;
END
$$;

-- What is said of a job behind its number: {car_id, text}; null where it is something else.
CREATE OR REPLACE FUNCTION :SCHEMA.history_job(said text, told text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  place constant text   := substring(told from '^[ ,:]*(?:(?:в|во|на|для|по|in|of|for|on) )?');
  thing constant text[] := regexp_match(substr(told, length(place) + 1), '^' || history_thing());
  again text;
BEGIN
  IF coalesce(history_kind(thing) NOT IN ('object', 'car'), true) THEN
    RETURN CASE WHEN btrim(said, ' .,:') = '' THEN '{}'::jsonb END;
  END IF;
  said  := ltrim(substr(said, length(place || thing[1]) + 1), ' ,:');
  said  := CASE WHEN said ~ '^[-–—] ' THEN substr(said, 3) ELSE said END;
  -- A second car. Any other number is part of the text, as whatever else it says.
  again := substring(history_fold(left(said, 40)) from '^(?:(?:и|или|and|or)[ ,]+)?([a-zа-я]*)[ ,]*[№#/]');
  IF again = '' OR history_noun(again) IN ('object', 'car') THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('car_id', thing[3]) ||
    CASE WHEN btrim(said, ' .,') = '' THEN '{}' ELSE jsonb_build_object('text', said) END;
END
$$;

-- What is said of cash that changes hands: {entity_id, counterparty, payment}, or null.
CREATE OR REPLACE FUNCTION :SCHEMA.history_hand_over(said text, told text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  pair    constant text[] := regexp_match(
    told, E'([ ,]+([a-zа-я]+)[ ,]*[№#] ?([0-9]+) ?/ ?(?:[№#] ?)?([0-9]+))([0-9A-Za-z\\u00c0-\\u1fff]|[-–./,:][0-9])?'
  );
  place   constant int    := position(pair[1] IN told);
  -- The amount ends where the payments begin, and the name where the amount begins.
  money   constant text[] := regexp_match(
    left(told, place - 1), '([ ,]([$€₾₽]?) ?([0-9](?:[0-9 .,]*[0-9])?) ?([$€₾₽]|[a-zа-я]*))$'
  );
  payment constant jsonb  := history_amount(money[3], money[2] || money[4]);
  other   constant text   := history_person(left(said, place - 1 - length(money[1])));
BEGIN
  IF payment IS NULL OR other IS NULL OR pair[3] = pair[4] OR pair[5] IS NOT NULL
    OR greatest(length(pair[3]), length(pair[4])) > 18 OR history_noun(pair[2]) IS DISTINCT FROM 'payment'
    OR history_aside(substr(said, place + length(pair[1])), 'payment', 'create', true) IS DISTINCT FROM '{}'
  THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('entity_id', pair[3], 'counterparty', other, 'payment', payment || jsonb_build_object(
    'ids', jsonb_build_array(pair[3], pair[4]), 'direction', 'transfer', 'method', 'cash'
  ));
END
$$;
