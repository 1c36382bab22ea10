-- The words of the operations log. They are looked up in small letters, with е for ё; how they were written stays beside.
--
-- Nothing here depends on the database's locale: in the locale C, \w and lower() know no Cyrillic, and in others \d
-- knows digits that no number is read from.

-- The sentence with single spaces, and none around it; ё and й are one character each.
CREATE OR REPLACE FUNCTION :SCHEMA.history_spaced(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN btrim(regexp_replace(
    CASE WHEN said ~ '[\u0306\u0308]' THEN replace(replace(replace(replace(
      said, U&'\0435\0308', 'ё'), U&'\0415\0308', 'Ё'), U&'\0438\0306', 'й'), U&'\0418\0306', 'Й'
    ) ELSE said END,
    '[\s\u0085\u00a0\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'
  ), ' ,');

-- The same in small letters, with е for ё: character for character, so that a place in one is the same place in the other.
-- Not STRICT, so that it costs no call.
CREATE OR REPLACE FUNCTION :SCHEMA.history_fold(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN octet_length(said) = length(said) THEN lower(said COLLATE "C")
    ELSE translate(
      lower(said COLLATE "C"), 'ёАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ', 'еабвгдеежзийклмнопрстуфхцчшщъыьэюя'
    )
  END;

-- Every verb and what it does, in the past tense of either gender, in the passive, and in English.
CREATE OR REPLACE FUNCTION :SCHEMA.history_verbs() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '{
    "создал": "create", "создала": "create", "создан": "create", "создана": "create", "создано": "create",
    "created": "create",
    "добавил": "add", "добавила": "add", "добавлен": "add", "добавлена": "add", "добавлено": "add", "added": "add",
    "изменил": "update", "изменила": "update", "изменен": "update", "изменена": "update", "изменено": "update",
    "обновил": "update", "обновила": "update", "обновлен": "update", "обновлена": "update", "обновлено": "update",
    "исправил": "update", "исправила": "update", "исправлен": "update", "исправлена": "update", "исправлено": "update",
    "отредактировал": "update", "отредактировала": "update", "отредактирован": "update", "отредактирована": "update",
    "отредактировано": "update", "changed": "update", "updated": "update", "edited": "update", "modified": "update",
    "продлил": "extend", "продлила": "extend", "продлен": "extend", "продлена": "extend", "продлено": "extend",
    "extended": "extend",
    "перенес": "move", "перенесла": "move", "перенесен": "move", "перенесена": "move", "перенесено": "move",
    "rescheduled": "move",
    "восстановил": "restore", "восстановила": "restore", "восстановлен": "restore", "восстановлена": "restore",
    "восстановлено": "restore", "restored": "restore",
    "удалил": "delete", "удалила": "delete", "удален": "delete", "удалена": "delete", "удалено": "delete",
    "deleted": "delete", "removed": "delete",
    "отменил": "cancel", "отменила": "cancel", "отменен": "cancel", "отменена": "cancel", "отменено": "cancel",
    "cancelled": "cancel", "canceled": "cancel",
    "выдал": "issue", "выдала": "issue", "выдан": "issue", "выдана": "issue", "выдано": "issue", "issued": "issue",
    "принял": "return", "приняла": "return", "принят": "return", "принята": "return", "принято": "return",
    "вернул": "return", "вернула": "return", "accepted": "return", "returned": "return",
    "завершил": "complete", "завершила": "complete", "завершен": "complete", "завершена": "complete",
    "завершено": "complete", "completed": "complete",
    "закрыл": "close", "закрыла": "close", "закрыто": "close", "closed": "close",
    "передал": "give", "передала": "give", "transferred": "give", "handed": "give", "gave": "give"
  }'::jsonb;

-- What a word does, if it is a verb. Not STRICT, so that it costs no call.
CREATE OR REPLACE FUNCTION :SCHEMA.history_verb(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN :SCHEMA.history_verbs() ->> word;

-- Every noun, in any of its cases, and what it is about.
CREATE OR REPLACE FUNCTION :SCHEMA.history_nouns() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '{
    "бронь": "booking", "брони": "booking", "бронью": "booking", "бронирование": "booking", "бронирования": "booking",
    "бронировании": "booking", "бронированию": "booking", "booking": "booking",
    "авто": "car", "автомобиль": "car", "автомобиля": "car", "автомобиле": "car", "автомобилю": "car",
    "машина": "car", "машину": "car", "машины": "car", "машине": "car", "car": "car",
    "клиент": "client", "клиента": "client", "клиенте": "client", "клиенту": "client", "client": "client",
    "платеж": "payment", "платежа": "payment", "платеже": "payment", "платежу": "payment", "платежи": "payment",
    "payment": "payment", "payments": "payment",
    "обслуживание": "maintenance", "обслуживания": "maintenance", "обслуживании": "maintenance",
    "обслуживанию": "maintenance", "service": "maintenance", "maintenance": "maintenance",
    "объект": "object", "объекта": "object", "объекте": "object", "object": "object"
  }'::jsonb;

-- What a word is about, if it is a noun. Not STRICT, so that it costs no call.
CREATE OR REPLACE FUNCTION :SCHEMA.history_noun(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN :SCHEMA.history_nouns() ->> word;

-- With one of these the sentence says less, or more, than that something was done to a thing.
CREATE OR REPLACE FUNCTION :SCHEMA.history_doubts() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '{не,ни,нет,но,и,или,либо,бы,если,чтобы,кроме,вместо,без,якобы,почти,чуть,едва,пока,еще,not,never,but,and,or,if,
    except,without,instead,unless,almost,will,would}'::text[];

-- No name has one of these.
CREATE OR REPLACE FUNCTION :SCHEMA.history_nameless() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '{что,как,когда,кто,кто-то,где,чем,который,которая,которое,которые,почему,зачем,пусть,будто,возможно,вероятно,
    наверное,может,должен,должна,хотел,хотела,пытался,пыталась,собирался,собиралась,решил,решила,просил,просила,попросил,
    попросила,сказал,сказала,написал,написала,будет,был,была,было,потом,затем,сначала,вчера,сегодня,завтра,снова,опять,уже,
    ранее,никто,никогда,ничего,он,она,они,мы,вы,это,для,от,из,из-за,на,по,за,до,ко,об,при,через,со,во,тоже,также,только,
    nobody,someone,somebody,that,when,who,which,why,did,didn''t,does,wants,wanted,tried,to,has,hasn''t,have,had,was,wasn''t,
    were,be,been,is,by,for,from,he,she,they,we,it,yesterday,today,then}'::text[];

-- A name as it was written, or null where that is none: one to six words, with more in brackets. A name in which some words
-- begin with a capital letter has few that do not: "Мария сказала Иван" is no name.
CREATE OR REPLACE FUNCTION :SCHEMA.history_person(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = :SCHEMA, pg_temp
AS $$
DECLARE
  name  constant text := btrim(said, ' ,');
  plain text          := name;
  words text[];
BEGIN
  IF position('(' IN name) > 0 THEN
    plain := btrim(regexp_replace(name, ' ?[(][^()№#]*[)]', '', 'g'));
  END IF;
  words := string_to_array(history_fold(plain), ' ');
  IF cardinality(words) NOT BETWEEN 1 AND 6
    -- Marks that no name has, dashes between words, dates, numbers amid words, words of one small letter, no letter at all.
    OR plain ~ (
      E'[№#,;:?!"«»()]|(^| )[-–—/&+]+( |$)|[0-9][.:/-][0-9]|(^| )[0-9]+ |(^| )[a-zа-яё]( |$)|^[^A-Za-z\\u00aa-\\uffff]*$'
    )
    -- "И" may be a name's letter; the word is a small letter.
    OR words && (array_remove(history_doubts(), 'и') || history_nameless())
    OR cardinality(words) = 1 AND history_noun(words[1]) IS NOT NULL AND words[1] NOT IN ('клиент', 'client')
  THEN
    RETURN NULL;
  END IF;
  -- Small words beside capital ones; or nothing but small words.
  IF plain ~ '(^| )[a-zа-яё]' AND (CASE WHEN plain ~ '(^| )[^ a-zа-яё]' THEN plain ~ (
    '(^| )(?!(?:ван|фон|де|да|дер|дель|ди|ла|ле|аль|эль|бин|ибн|оглы|кызы|заде|уулу|van|von|de|da|der|den|del|di|la|le|al|el'
      || '|bin|ibn|dos|du|ter|младший|старший|главный|мл|ст|менеджер|администратор|админ|оператор|кассир|директор|сотрудник'
      || '|механик|водитель|бухгалтер|стаж[её]р|агент|помощник|партн[её]р|владелец|клиент|пользователь|робот|бот|jr|sr|junior'
      || '|senior|manager|admin|operator|cashier|director|driver|agent|assistant|client|user|robot|bot)([ .-]|$))'
      || '[a-zа-яё][^ @''’]*( |$)'
  ) ELSE cardinality(words) > 4 END) THEN
    RETURN NULL;
  END IF;
  RETURN name;
END
$$;

-- What a word for money stands for, and a sign.
CREATE OR REPLACE FUNCTION :SCHEMA.history_currency(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN '{
    "$": "USD", "€": "EUR", "₾": "GEL", "₽": "RUB", "лари": "GEL", "доллар": "USD", "доллара": "USD", "долларов": "USD",
    "евро": "EUR", "руб": "RUB", "рубль": "RUB", "рубля": "RUB", "рублей": "RUB", "gel": "GEL", "usd": "USD", "eur": "EUR",
    "rub": "RUB", "try": "TRY", "amd": "AMD", "azn": "AZN", "uah": "UAH", "kzt": "KZT", "byn": "BYN", "uzs": "UZS",
    "kgs": "KGS", "ils": "ILS", "aed": "AED", "gbp": "GBP", "chf": "CHF", "pln": "PLN", "czk": "CZK", "cny": "CNY"
  }'::jsonb ->> word;

-- How something was paid.
CREATE OR REPLACE FUNCTION :SCHEMA.history_way(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN '{
    "наличными": "cash", "наличные": "cash", "наличкой": "cash", "нал": "cash", "cash": "cash", "in cash": "cash",
    "безналичными": "cashless", "безналом": "cashless", "безнал": "cashless", "безналу": "cashless", "по безналу": "cashless",
    "картой": "cashless", "банковской картой": "cashless", "с карты": "cashless", "на карту": "cashless",
    "по карте": "cashless", "переводом": "cashless", "банковским переводом": "cashless", "cashless": "cashless",
    "card": "cashless", "by card": "cashless", "bank transfer": "cashless", "by bank transfer": "cashless"
  }'::jsonb ->> words;

-- {amount, currency}, or null. `1,200` is one or twelve hundred, so it is nothing; `1,200.50` is clear. Neither STRICT
-- nor IMMUTABLE, which jsonb_build_object is not, so that it costs no call.
CREATE OR REPLACE FUNCTION :SCHEMA.history_amount(number text, currency text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN :SCHEMA.history_currency(currency) IS NOT NULL THEN CASE
    WHEN number ~ '^([0-9]{1,12}|[0-9]{1,3}( [0-9]{3}){1,3})([.,][0-9]{1,2})?$' THEN
      jsonb_build_object('amount', translate(number, ', ', '.')::numeric, 'currency', :SCHEMA.history_currency(currency))
    WHEN number ~ '^[0-9]{1,3}(,[0-9]{3}){1,3}[.][0-9]{1,2}$' THEN
      jsonb_build_object('amount', replace(number, ',', '')::numeric, 'currency', :SCHEMA.history_currency(currency))
    WHEN number ~ '^[0-9]{1,3}([.][0-9]{3}){1,3},[0-9]{1,2}$' THEN
      jsonb_build_object('amount', translate(number, ',.', '.')::numeric, 'currency', :SCHEMA.history_currency(currency))
  END END;
