-- The operations log says what happened in a sentence written for people. This is the grammar of these sentences:
--
--   sentence  = who verb rest
--   who       = one to four words
--   verb      = a past tense of either gender, or the English one
--   rest      = thing                              Мария Ли создала | бронь №507616
--             | "авто" thing                       Иван Петров выдал | авто, бронь № 514378
--             | changes "в" thing                  Иван Петров изменил | , mileage с 100 на 200 в авто № 39736
--             | payment [direction amount]         Анна Смит создала | платёж №1834893, приход наличными 30.0USD
--             | "от" who amount payments           Пётр Ли принял | от Анна Смит 400.0 GEL, платежи №1866155/1866156
--             | maintenance ["в" object text]      Иван Петров завершил | обслуживание №102306 в объекте №59439 течёт
--   thing     = noun "№" number                    the number belongs to the noun right before it
--   changes   = field "с" [old] "на" [new] { field "с" [old] "на" [new] }
--
-- Space and commas come and go. A sentence that reads in no way, or in two, is null: a wrong guess is worse than none.
-- Nothing here depends on the database's locale: in the locale C, \w and lower() know no Cyrillic, and in others \d
-- knows digits that no number is read from.

-- What a word does, if it is a verb.
CREATE OR REPLACE FUNCTION :SCHEMA.history_verb(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE
    WHEN word ~ '^([Сс]оздала?|[Cc]reated)$'            THEN 'create'
    WHEN word ~ '^([Ии]зменила?|[Cc]hanged|[Uu]pdated)$' THEN 'update'
    WHEN word ~ '^([Уу]далила?|[Dd]eleted)$'            THEN 'delete'
    WHEN word ~ '^([Оо]тменила?|[Cc]ancell?ed)$'        THEN 'cancel'
    WHEN word ~ '^([Вв]ыдала?|[Ii]ssued)$'              THEN 'issue'
    WHEN word ~ '^([Пп]риняла?|[Aa]ccepted|[Rr]eturned)$' THEN 'return'
    WHEN word ~ '^([Зз]авершила?|[Cc]ompleted)$'        THEN 'complete'
  END;

-- What a noun is about, in any of its cases.
CREATE OR REPLACE FUNCTION :SCHEMA.history_noun(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE
    WHEN word ~ '^([Бб]рон(ь|и|ью|ирование|ирования|ировании)|[Bb]ooking)$' THEN 'booking'
    WHEN word ~ '^([Аа]вто|[Аа]втомобил(ь|я|е)|[Мм]ашин(а|у|е|ы)|[Cc]ar)$' THEN 'car'
    WHEN word ~ '^([Кк]лиент(а|е|у)?|[Cc]lient)$'                        THEN 'client'
    WHEN word ~ '^([Пп]лат[её]ж(а|е|и)?|[Pp]ayments?)$'                  THEN 'payment'
    WHEN word ~ '^([Оо]бслуживани(е|я|и)|[Ss]ervice|[Mm]aintenance)$'    THEN 'maintenance'
    WHEN word ~ '^([Оо]бъект(а|е)?|[Oo]bject)$'                          THEN 'object'
  END;

-- changes: {field: {old, new}}, or null where a part of them is no change, or a field changes twice.
CREATE OR REPLACE FUNCTION :SCHEMA.history_changes(said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  changes jsonb := '{}';
  part    text;
  matched text[];
  sides   text[];
BEGIN
  FOREACH part IN ARRAY regexp_split_to_array(said, '[ ,]+(?=[a-z][a-z0-9_]* (с|from) )') LOOP
    matched := regexp_match(part, '^([a-z][a-z0-9_]*) (с|from)( .*)$');
    sides   := string_to_array(matched[3] || ' ', CASE matched[2] WHEN 'с' THEN ' на ' ELSE ' to ' END);
    -- A second "на" could belong to either value.
    IF cardinality(sides) IS DISTINCT FROM 2 OR changes ? matched[1] OR btrim(sides[1] || sides[2]) = '' THEN
      RETURN NULL;
    END IF;
    changes := changes || jsonb_build_object(
      matched[1], jsonb_build_object('old', nullif(btrim(sides[1]), ''), 'new', btrim(sides[2]))
    );
  END LOOP;
  RETURN changes;
END
$$;

-- An amount, as `60.0GEL`, `1 200,50 EUR`: {amount, currency}, or null.
CREATE OR REPLACE FUNCTION :SCHEMA.history_amount(number text, currency text) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT jsonb_build_object('amount', replace(replace(number, ' ', ''), ',', '.')::numeric, 'currency', currency)
  WHERE btrim(number) ~ '^([0-9]{1,12}|[0-9]{1,3}( [0-9]{3}){1,3})([.,][0-9]{1,4})?$'
    AND currency = ANY ('{GEL,USD,EUR,RUB,TRY,AMD,AZN,UAH,KZT,BYN,UZS,KGS,ILS,AED,GBP,CHF,PLN,CZK,CNY}');
END;

-- What a sentence of the operations log says, or null where it does not read. The keys: entity_type, entity_id,
-- operation, user_name, and where the sentence has them changes, payment, counterparty, car_id, text.
CREATE OR REPLACE FUNCTION :SCHEMA.parse_history_description(description text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  -- A number ends where no digit and no letter follows.
  ends    constant text := '(?![0-9A-Za-z\u00c0-\u1fff])';
  -- A noun and its number.
  thing   constant text := '([^ ,№#]+)[ ,]*[№#] ?([0-9]{1,18})' || ends;
  -- A second number right after the first one.
  again   constant text := '^[ ,]*((и|или|and|or)[ ,]+)?[№#/]';
  said    text;
  words   text[];
  verb    text;
  who     text;
  rest    text;
  noun    text;
  matched text[];
  parsed  jsonb := '{}';
  found   jsonb;
BEGIN
  -- No sentence is longer; what is costs no time.
  IF length(description) > 10000 THEN
    RETURN NULL;
  END IF;
  said  := regexp_replace(
    description, '[\s\u0085\u00a0\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'
  );
  said  := btrim(said, ' ,');
  words := regexp_split_to_array(said, '[ ,]+');

  FOR n IN 2..least(5, cardinality(words)) LOOP
    verb := history_verb(words[n]);
    IF verb IS NOT NULL THEN
      who  := array_to_string(words[1 : n - 1], ' ');
      rest := (regexp_match(said, format('^(?:[^ ,]+[ ,]+){%s}[^ ,]+[ ,]*(.*)$', n - 1)))[1];
      EXIT;
    END IF;
  END LOOP;
  -- "Иван не создал …" says that nothing happened.
  IF verb IS NULL OR who ~ '[№#]' OR who ~ '(^| )(не|Не|not|never)$' THEN
    RETURN NULL;
  END IF;

  -- "от" who amount payments: cash changes hands.
  IF verb = 'return' AND rest ~ '^(от|from) ' THEN
    matched := regexp_match(
      rest,
      '^(?:от|from) ((?:[^ ,№#]+[ ,]+){1,4}?)([0-9][0-9 ]*(?:[.,][0-9]+)?) ?([A-Z]{3})[ ,]+'
        || '([^ ,№#]+)[ ,]*[№#] ?([0-9]{1,18}) ?/ ?([0-9]{1,18})' || ends || '(.*)$'
    );
    found := history_amount(matched[2], matched[3]);
    IF found IS NULL OR history_noun(matched[4]) IS DISTINCT FROM 'payment' OR matched[7] ~ again THEN
      RETURN NULL;
    END IF;
    RETURN jsonb_build_object(
      'entity_type', 'payment', 'entity_id', matched[5], 'operation', 'transfer', 'user_name', who,
      'counterparty', array_to_string(regexp_split_to_array(btrim(matched[1], ' ,'), '[ ,]+'), ' '),
      'payment', found || jsonb_build_object(
        'ids', jsonb_build_array(matched[5], matched[6]), 'direction', 'transfer', 'method', 'cash'
      )
    );
  END IF;

  -- The thing stands first; in "выдал авто, бронь № …" the booking is the thing.
  matched := regexp_match(rest, '^(?:(?:авто|car)[ ,]+)?' || thing || '(.*)$');
  noun    := history_noun(matched[1]);
  IF noun IS NULL AND verb = 'update' THEN
    -- Changes stand first, and then the thing that they are of.
    matched := regexp_match(rest, '^(.*?)[ ,]+(?:в|во|in|of) ' || thing || '(.*)$');
    noun    := history_noun(matched[2]);
    found   := history_changes(matched[1]);
    matched := matched[2:4];
    IF found IS NULL OR noun NOT IN ('booking', 'car', 'client') THEN
      RETURN NULL;
    END IF;
    parsed := jsonb_build_object('changes', found);
  ELSIF noun = 'maintenance' AND verb IN ('create', 'update', 'complete', 'delete') THEN
    words := regexp_match(matched[3], '^[ ,]*(?:в|во|in|of|for) ' || thing || '[ ,]*(.*)$');
    IF history_noun(words[1]) IN ('object', 'car') THEN
      parsed := jsonb_strip_nulls(jsonb_build_object('car_id', words[2], 'text', substring(words[3] from '.*[^ .,].*')));
    ELSIF btrim(matched[3], ' .,') <> '' THEN
      RETURN NULL;
    END IF;
    -- Whatever else the text says is the job's.
    matched[3] := '';
  ELSIF noun = 'payment' AND verb IN ('create', 'update', 'delete', 'cancel') THEN
    parsed := jsonb_build_object('ids', jsonb_build_array(matched[2]));
    words  := regexp_match(
      matched[3],
      '^[ ,]*(приход|расход|income|expense)(?: (наличными|безналичными|картой|cash|cashless|card))?,? '
        || '([0-9][0-9 ]*(?:[.,][0-9]+)?) ?([A-Z]{3})' || ends
    );
    found  := history_amount(words[3], words[4]);
    IF found IS NOT NULL THEN
      parsed := parsed || found || jsonb_strip_nulls(jsonb_build_object(
        'direction', CASE WHEN words[1] IN ('приход', 'income') THEN 'income' ELSE 'expense' END,
        'method', CASE WHEN words[2] IN ('наличными', 'cash') THEN 'cash' WHEN words[2] IS NOT NULL THEN 'cashless' END
      ));
    ELSIF matched[3] ~ '(приход|расход|наличными|картой|income|expense|cash|card)'
      OR matched[3] ~ '[0-9] ?(GEL|USD|EUR|RUB|TRY|AMD|AZN|UAH|KZT|ILS|AED|GBP)'
    THEN
      -- An amount that does not read must not become a payment of nothing.
      RETURN NULL;
    END IF;
    parsed := jsonb_build_object('payment', parsed);
  ELSIF noun IN ('booking', 'car', 'client') AND verb IN ('create', 'update', 'delete', 'cancel')
    OR noun = 'booking' AND verb IN ('issue', 'return', 'complete')
  THEN
    NULL;
  ELSE
    RETURN NULL;
  END IF;

  -- A second number, a second thing, or changes after the thing: what is meant?
  IF matched[3] ~ again OR matched[3] ~ '[ ,][a-z][a-z0-9_]* (с|from) ' OR EXISTS (
    SELECT FROM regexp_matches(matched[3], thing, 'g') AS next (other) WHERE history_noun(next.other[1]) IS NOT NULL
  ) THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('entity_type', noun, 'entity_id', matched[2], 'operation', verb, 'user_name', who) || parsed;
END
$$;
