-- The operations log says what happened in a sentence written for people. This is the grammar of these sentences:
--
--   sentence  = who verb rest
--             | verb rest [by who] | thing verb rest [by who]       Бронь №5 отменена пользователем Иван Петров
--   who       = one to six words
--   rest      = thing aside                        Мария Ли создала | бронь №507616, авто № 59439
--             | "авто" thing aside                 Иван Петров выдал | авто, бронь № 514378
--             | changes "в" thing aside            Иван Петров изменил | , mileage с 100 на 200 в авто № 39736
--             | ["в"] thing name changes           Иван Петров изменил | бронь № 514142, days с 1 на 2
--             | payment [direction amount] aside   Анна Смит создала | платёж №1834893, приход наличными 30.0USD
--             | "от" who amount payments           Пётр Ли принял | от Анна Смит 400.0 GEL, платежи №1866155/1866156
--             | who amount payments                Анна Смит передала | Пётр Ли 400.0 GEL, платежи №1866155/1866156
--             | maintenance ["в" object text]      Иван Петров завершил | обслуживание №102306 в объекте №59439 течёт
--   thing     = noun "№" number                    the number belongs to the noun right before it
--   changes   = field "с" [old] "на" [new] { field "с" [old] "на" [new] }
--   aside     = a name, and things that only say where
--
-- Space and commas come and go. A sentence that reads in no way, or in two, is null: a wrong guess is worse than none.

-- What somebody did to what: the sentence behind its verb. Answers {entity_type, entity_id, changes, payment, car_id, text},
-- or null. `subject` is the thing where it stands before the verb; `has_car` says that "авто" does.
CREATE OR REPLACE FUNCTION :SCHEMA.history_object(
  said text, deed text, passive boolean, subject text[], has_car boolean
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  told    text    := history_fold(said);
  place   int;
  sides   text[];
  car     text;
  car_id  boolean := false;
  thing   text[]  := subject;
  kind    text    := history_kind(subject);
  within  boolean := false;
  found   jsonb;
  changes jsonb;
  payment jsonb;
  others  jsonb;
BEGIN
  -- In "выдал авто, бронь № …" the booking is the thing, whatever is said of the car.
  IF subject IS NULL AND deed IN ('issue', 'return', 'update') AND told ~ '^(авто|автомобиль|машину|car)[ ,]' THEN
    sides := regexp_match(told, '(([ ,(]+)(?:бронь|брони|бронирование|booking)[ ,]*[№#])');
    place := position(sides[1] IN told);
    car   := substr(left(said, place - 1), length(split_part(split_part(told, ' ', 1), ',', 1)) + 1);
    thing := regexp_match(car, E'^([ ,]*[№#] ?[0-9]{1,18})([0-9A-Za-z\\u00c0-\\u1fff]|[-–./,:][0-9])?');
    car   := substr(car, length(coalesce(thing[1], '')) + 1);
    IF thing[2] IS NULL AND (
      thing IS NULL AND car = '' OR deed <> 'update' AND (
        car = '' OR car ~ '^[ ,–—-]+[A-ZА-ЯЁ0-9]' AND history_aside(car, 'car', 'create', false) = '{}'
      )
    ) THEN
      has_car := true;
      car_id  := thing IS NOT NULL;
      said    := substr(said, place + length(sides[2]));
      told    := substr(told, place + length(sides[2]));
    END IF;
  END IF;

  IF subject IS NULL THEN
    place := CASE WHEN split_part(told, ' ', 1) IN ('новую', 'новый', 'новая', 'нового', 'новое', 'new', 'the', 'a') THEN
      position(' ' IN told) ELSE 0
    END;
    thing := regexp_match(substr(told, place + 1), '^' || history_thing());
    kind  := history_kind(thing);
    place := place + length(thing[1]);
    IF kind IS NULL AND deed = 'update' THEN
      -- "в" and the thing, and then its changes; or changes, "в", and the thing.
      sides  := regexp_match(told, '^((?:в|во|у|in) )' || history_thing());
      within := sides IS NOT NULL;
      sides  := coalesce(sides, regexp_match(told, '([ ,]+(?:в|во|in|of) )' || history_thing()));
      thing  := sides[2:5];
      kind   := history_kind(thing);
      place  := position(sides[1] || sides[2] IN told);
      IF NOT within THEN
        payment := CASE WHEN kind = 'payment' THEN history_new_amount(left(told, place - 1)) END;
        changes := CASE WHEN payment IS NULL THEN history_changes(left(said, place - 1)) END;
        IF changes IS NULL AND payment IS NULL THEN
          RETURN NULL;
        END IF;
        deed    := 'change';
      END IF;
      place  := place + length(sides[1] || sides[2]) - 1;
    END IF;
    said := substr(said, place + 1);
    told := substr(told, place + 1);
  END IF;

  -- Not everything is done to everything. An accepted booking may be one that somebody agreed to.
  IF NOT coalesce(kind = ANY (CASE
    WHEN deed IN ('create', 'add', 'update', 'change', 'delete', 'cancel') THEN '{booking,car,client,payment,maintenance}'
    WHEN deed = 'restore' THEN '{booking,car,client,payment}'
    WHEN deed IN ('extend', 'move', 'issue') OR deed = 'return' AND has_car THEN '{booking}'
    WHEN deed = 'complete' THEN '{booking,maintenance}'
    WHEN deed = 'close' THEN '{maintenance}'
  END::text[]), false) THEN
    RETURN NULL;
  END IF;
  -- To a client something else was done.
  IF thing[2] IN ('клиенту', 'автомобилю', 'платежу', 'обслуживанию', 'бронированию') THEN
    RETURN NULL;
  END IF;
  found := jsonb_build_object('entity_type', kind, 'entity_id', thing[3]);

  IF kind = 'payment' AND deed = 'update' AND changes IS NULL AND payment IS NULL THEN
    payment := history_new_amount(told);
    said    := CASE WHEN payment IS NULL THEN said ELSE '' END;
  END IF;
  IF deed IN ('update', 'extend', 'move') AND changes IS NULL AND payment IS NULL THEN
    sides := regexp_match(told, '([ ,:][a-z][a-z0-9_]* (?:с|from) )');
    IF sides IS NOT NULL THEN
      place   := position(sides[1] IN told);
      changes := history_changes(regexp_replace(substr(said, place + 1), '([0-9])[.]$', E'\\1'));
      -- A number before the changes: whose changes are they? A number in them: is it part of the value?
      IF changes IS NULL OR told ~ '[№#]'
        -- An amount beside them: do they mean the same one?
        OR kind = 'payment' AND told ~ '[ ,:](приход|расход|возврат|income|expense|refund)[ ,:]'
      THEN
        RETURN NULL;
      END IF;
      said    := left(said, place);
      told    := left(told, place);
    ELSIF within THEN
      RETURN NULL;
    END IF;
  END IF;

  IF kind = 'maintenance' THEN
    others := history_job(said, told);
    -- A new text beside new values: is it one of them?
    IF changes IS NOT NULL AND others ? 'text' THEN
      RETURN NULL;
    END IF;
    RETURN found || others || CASE WHEN changes IS NULL THEN '{}' ELSE jsonb_build_object('changes', changes) END;
  END IF;
  IF kind = 'payment' AND payment IS NULL THEN
    others  := history_paid(said, told);
    payment := others -> 'payment';
    said    := others ->> 'aside';
  END IF;
  others := history_aside(said, kind, deed, passive);
  IF others IS NULL OR car_id AND others ? 'car' THEN
    RETURN NULL;
  END IF;
  IF kind = 'payment' THEN
    found := found || jsonb_build_object('payment', payment || jsonb_strip_nulls(jsonb_build_object(
      'ids', jsonb_build_array(thing[3]),
      'booking_id', others -> 'booking', 'car_id', others -> 'car', 'client_id', others -> 'client'
    )));
  END IF;
  RETURN found || CASE WHEN changes IS NULL THEN '{}' ELSE jsonb_build_object('changes', changes) END;
END
$$;

-- What a sentence of the operations log says, by the whole grammar.
CREATE OR REPLACE FUNCTION :SCHEMA.read_history_sentence(description text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  said    text;
  told    text;
  place   int := 1;
  part    text;
  word    text;
  deed    text;
  before  text;
  passive boolean;
  subject text[];
  has_car boolean := false;
  who     text;
  sides   text[];
  found   jsonb;
BEGIN
  -- No sentence is longer; what is costs no time.
  IF length(description) > 10000 THEN
    RETURN NULL;
  END IF;
  said := history_spaced(description);
  told := history_fold(said);

  -- The first verb is what was done.
  FOREACH part IN ARRAY regexp_split_to_array(told, '(?<=[ ,])(?=[^ ,])') LOOP
    word  := rtrim(part, CASE WHEN place + length(part) > length(told) THEN ' ,:.!' ELSE ' ,:' END);
    -- Создал(а)
    deed  := history_verb(replace(word, '(а)', ''));
    EXIT WHEN deed IS NOT NULL;
    place := place + length(part);
  END LOOP;
  IF deed IS NULL THEN
    RETURN NULL;
  END IF;
  before  := btrim(left(told, place - 1), ' ,');
  -- Создана, удалено, принят. An English verb is passive where a thing stands before it.
  passive := right(rtrim(word, '()ао'), 1) IN ('н', 'т');
  IF passive OR ascii(word) < 128 THEN
    subject := regexp_match(before, '^' || history_thing() || '(?:[ ,]+(?:был|была|было|was|has been))?$');
    has_car := deed IN ('issue', 'return')
      AND split_part(before, ' ', 1) IN ('авто', 'автомобиль', 'машина', 'car')
      AND split_part(before, ' ', 2) IN ('', 'был', 'была', 'было', 'was') AND split_part(before, ' ', 3) = '';
    passive := passive OR subject IS NOT NULL OR has_car;
  END IF;
  IF NOT passive THEN
    who := history_person(left(said, place - 1));
    IF who IS NULL THEN
      RETURN NULL;
    END IF;
  ELSIF subject IS NULL AND NOT has_car AND before NOT IN ('', 'был', 'была', 'было') THEN
    RETURN NULL;
  END IF;
  said := rtrim(substr(said, place + length(word)), ' ,');
  told := substr(told, place + length(word));

  IF passive THEN
    sides := regexp_match(told, '(([ ,(])(пользователем|сотрудником|by) ([^,]+))');
    IF sides IS NOT NULL THEN
      place := position(sides[1] IN told);
      who   := substr(said, place + length(sides[2] || sides[3]) + 1, length(sides[4]));
      who   := regexp_replace(CASE sides[2] WHEN '(' THEN rtrim(who, ')') ELSE who END, '([^ .]{2})[.]$', E'\\1');
      who   := history_person(who);
      said  := left(said, place - 1) || substr(said, place + length(sides[1]));
      -- "Created by phone"
      IF who IS NULL OR sides[3] = 'by' AND who ~ '^[a-zа-яё][^@]*$' THEN
        RETURN NULL;
      END IF;
    END IF;
  END IF;
  said := CASE WHEN subject IS NULL THEN ltrim(said, ' ,') ELSE said END;

  IF deed = 'give' OR deed = 'return' AND word NOT IN ('вернул', 'вернула') AND history_fold(left(said, 5)) ~ '^(от|from) ' THEN
    said  := CASE deed WHEN 'give' THEN said ELSE substr(said, position(' ' IN said) + 1) END;
    found := jsonb '{"entity_type": "payment"}' || history_hand_over(said, history_fold(said));
    deed  := 'transfer';
    -- Somebody has to have taken it, or given it.
    IF who IS NULL THEN
      RETURN NULL;
    END IF;
  ELSE
    found := history_object(said, deed, passive, subject, has_car);
    -- What is said of a job ends with its text: is the name part of it?
    IF passive AND who IS NOT NULL AND found ? 'text' THEN
      RETURN NULL;
    END IF;
  END IF;
  RETURN found || jsonb_strip_nulls(jsonb_build_object('user_name', who, 'operation', CASE
    WHEN deed = 'add' THEN 'create'
    WHEN deed IN ('extend', 'move', 'restore') THEN 'update'
    WHEN deed = 'close' THEN 'complete'
    ELSE deed
  END));
END
$$;

-- Whether whoever a sentence of cash that changes hands names first is the one who gives it: "Анна Смит передала …". In
-- "Пётр Ли принял от …" it is the one who takes it.
CREATE OR REPLACE FUNCTION :SCHEMA.history_gives(description text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  word text;
  deed text;
BEGIN
  FOREACH word IN ARRAY regexp_split_to_array(history_fold(history_spaced(description)), '[ ,]+') LOOP
    -- As it is read above: передал(а)
    deed := history_verb(replace(rtrim(word, ':'), '(а)', ''));
    IF deed IS NOT NULL THEN
      RETURN deed = 'give';
    END IF;
  END LOOP;
  RETURN false;
END
$$;
