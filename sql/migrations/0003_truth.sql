-- Rows say who updated them, records say which entry of the log a field has its value from, and sentences that mean
-- nothing for the mirror have names.

INSERT INTO :SCHEMA.reasons (code, attempts, meaning) VALUES
  ('unknown_branch',    0, 'Nothing tells the branch, and no branch of RentProg has the record, or not all could be asked yet.'),
  ('superseded',        0, 'Done, and nothing was written: what the mirror has is newer.'),
  ('deleted_recently',  0, 'Done, and nothing was written: the record was deleted just before.'),
  ('not_about_records', 0, 'Done: the sentence means nothing for the mirror.')
ON CONFLICT (code) DO UPDATE SET attempts = excluded.attempts, meaning = excluded.meaning;

-- The service's own book-keeping raises revision; any other update that leaves a row undone runs it again.
ALTER TABLE :SCHEMA.events  ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;
ALTER TABLE :SCHEMA.history ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;

-- Which entry of the log a field has its value from, by RentProg's number: of two entries of one instant the later one counts.
ALTER TABLE :SCHEMA.cars        ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.clients     ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.bookings    ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.payments    ADD COLUMN IF NOT EXISTS field_entries jsonb;
ALTER TABLE :SCHEMA.maintenance ADD COLUMN IF NOT EXISTS field_entries jsonb;

ALTER TABLE :SCHEMA.bookings
  ADD COLUMN IF NOT EXISTS number           text,
  ADD COLUMN IF NOT EXISTS car_code         text,
  ADD COLUMN IF NOT EXISTS source           text,
  ADD COLUMN IF NOT EXISTS technical        boolean,
  ADD COLUMN IF NOT EXISTS archive          boolean,
  ADD COLUMN IF NOT EXISTS additional_hours numeric,
  ADD COLUMN IF NOT EXISTS location_start   text,
  ADD COLUMN IF NOT EXISTS location_end     text,
  ADD COLUMN IF NOT EXISTS start_mileage    numeric,
  ADD COLUMN IF NOT EXISTS end_mileage      numeric;

-- How much of a branch's log is written down: [{"from", "to", "entries"}], by RentProg's numbers, newest first.
ALTER TABLE :SCHEMA.history_progress
  ADD COLUMN IF NOT EXISTS read_from timestamptz,
  ADD COLUMN IF NOT EXISTS stretches jsonb NOT NULL DEFAULT '[]';

-- What a payment is for, where the log names it.
ALTER TABLE :SCHEMA.payments
  ADD COLUMN IF NOT EXISTS booking_id text,
  ADD COLUMN IF NOT EXISTS car_id     text,
  ADD COLUMN IF NOT EXISTS client_id  text;

-- Sentences of the log that mean nothing for the mirror: a pattern is a regular expression, found anywhere in a sentence
-- that reads in no way. One that PostgreSQL does not read is refused, and so is one that every sentence matches. Upper and
-- lower case differ, because what is the same letter depends on the database's locale: [Ээ] is either.
CREATE TABLE IF NOT EXISTS :SCHEMA.ignored_sentences (
  pattern  text        PRIMARY KEY CONSTRAINT pattern_matches_not_everything CHECK ('' !~ pattern)
    -- One that refers back to its own parts may take for ever, and every entry would wait.
    CONSTRAINT pattern_refers_not_back CHECK (pattern !~ '\\[1-9]'),
  note     text,
  added_at timestamptz NOT NULL DEFAULT now()
);

-- Who, and then a verb. A person looks where a car, a client, a booking, a payment or a job is named, and where the sentence
-- tells of another deed as well: `deeds` is how many are too many.
INSERT INTO :SCHEMA.ignored_sentences (pattern, note)
SELECT '^(?!' || repeat('.*' || deed.pattern, known.deeds) || ')' || known.pattern, known.note
FROM (VALUES (
  '(^|[\s,;:.(])([Сс]оздала?|[Дд]обавила?|[Ии]зменила?|[Оо]бновила?|[Ии]справила?|[Оо]тредактировала?|[Уу]далила?|[Оо]тменила?'
  || '|[Вв]ыдала?|[Пп]риняла?|[Вв]ернула?|[Зз]авершила?|[Зз]акрыла?|[Пп]родлила?|[Пп]ерен[её]с(ла)?|[Вв]осстановила?|[Пп]ередала?'
  || '|[Cc]reated|[Aa]dded|[Cc]hanged|[Uu]pdated|[Ee]dited|[Dd]eleted|[Rr]emoved|[Cc]ancell?ed|[Ii]ssued|[Aa]ccepted|[Rr]eturned'
  || '|[Cc]ompleted|[Cc]losed|[Ee]xtended|[Rr]estored|[Tt]ransferred)(?![A-Za-zА-Яа-яЁё])'
)) AS deed (pattern)
CROSS JOIN (VALUES
  (
    1,
    '\s*([^\s,№#]+[\s,]+){1,6}(([Вв]ош[её]л|[Вв]ошла|[Зз]аш[её]л|[Зз]ашла)\s+в\s+(систему|приложение|программу)'
    || '|([Вв]ышел|[Вв]ышла)\s+из\s+(системы|приложения|программы)|[Аа]вторизовал(ся|ась)|[Ll]ogged\s+(in|out)|[Ss]igned\s+(in|out))'
    || '(?![A-Za-zА-Яа-яЁё])(?!.*[№#])',
    'Somebody logs in or out.'
  ),
  (
    1,
    '\s*([^\s,№#]+[\s,]+){1,6}([Ээ]кспортировала?|[Ии]мпортировала?|[Вв]ыгрузила?|[Зз]агрузила?|[Сс]качала?|[Сс]формировала?'
    || '|[Ee]xported|[Ii]mported|[Dd]ownloaded|[Uu]ploaded|[Gg]enerated)[\s,]+((an?|the)\s+)?([^\s,№#]+[\s,]+)?'
    || '([Оо]тч[её]т(ы|а|ов)?|[Вв]ыписк[иу]|[Ss]tatements?|[Rr]eports?)(?![A-Za-zА-Яа-яЁё])',
    'A report is exported or imported.'
  ),
  (
    2,
    '\s*([^\s,№#]+[\s,]+){1,6}([Ии]зменила?|[Оо]бновила?|[Сс]оздала?|[Дд]обавила?|[Уу]далила?|[Сс]охранила?'
    || '|[Cc]hanged|[Uu]pdated|[Cc]reated|[Aa]dded|[Dd]eleted|[Ss]aved)[\s,]+((the|an?|new|новый|новую|новые)\s+)*'
    || '([Нн]астройк[иу]|[Цц]ен[ыу]|[Пп]райс(-лист)?|[Сс]езон(ы|а)?|[Тт]ариф(ы|а)?'
    || '|[Ss]ettings?|[Pp]rices|[Pp]rice\s+lists?|[Ss]easons?|[Tt]ariffs?)(?![A-Za-zА-Яа-яЁё-])'
    || '(?!.*([Бб]рон|[Аа]вто|[Мм]ашин|[Кк]лиент|[Пп]лат[её]ж|[Оо]бслуж|[Bb]ooking|[Cc]ars?(\s|$)|[Cc]lient|[Pp]ayment|[Ss]ervice|[Mm]aintenance))',
    'Settings, prices, seasons or tariffs change.'
  ),
  (
    2,
    '\s*([^\s,№#]+[\s,]+){1,6}([Ии]зменила?|[Cc]hanged|[Uu]pdated)[\s,]+[a-z][a-z0-9_]*\s+(с|from)\s[^№#]*\s(в|во|in|of)\s+'
    || '([Тт]арифе|[Сс]езоне|[Пп]райс-листе|[Нн]астройках|[Tt]ariff|[Ss]eason|[Pp]rice\s+list|[Ss]ettings)(\s*[№#]\s*[0-9]+[^№#]*)?$',
    'A field of a tariff, a season, a price list or the settings changes.'
  ),
  (
    1,
    '\s*([^\s,№#]+[\s,]+){1,6}([Рр]аспечатала?|[Нн]апечатала?|[Оо]тправила?|[Рр]азослала?|[Pp]rinted|[Ss]ent|[Ee]mailed)[\s,]+'
    || '((the|an?)\s+)?([Дд]оговоры?|[Аа]кты?|[Чч]еки?|[Сс]ч[её]т(а)?|[Дд]окумент(ы|ов)?|[Рр]ассылк[иу]|[Сс]ообщени[ея]|[Пп]исьм[оа]'
    || '|[Сс]мс|СМС|[Уу]ведомлени[ея]|SMS|[Cc]ontracts?|[Ii]nvoices?|[Rr]eceipts?|[Dd]ocuments?|[Mm]essages?|[Ee]-?mails?'
    || '|[Nn]ewsletters?|[Nn]otifications?)(?![A-Za-zА-Яа-яЁё])',
    'A document is printed, or a message sent.'
  ),
  (
    2,
    '\s*([^\s,№#]+[\s,]+){1,6}([Сс]оздала?|[Дд]обавила?|[Ии]зменила?|[Оо]бновила?|[Уу]далила?|[Зз]аблокировала?|[Рр]азблокировала?'
    || '|[Пп]ригласила?|[Cc]reated|[Aa]dded|[Cc]hanged|[Uu]pdated|[Dd]eleted|[Bb]locked|[Uu]nblocked|[Ii]nvited)[\s,]+'
    || '((the|an?|new|нового|новую|новые)\s+)*([Пп]ользовател[яьеи]й?|[Сс]отрудник(а|ов)?|[Рр]ол[иь]|[Пп]рава|[Пп]арол[иь]'
    || '|[Uu]sers?|[Rr]oles?|[Pp]ermissions?|[Pp]asswords?)(?![A-Za-zА-Яа-яЁё])'
    || '(?!.*([Бб]рон|[Аа]вто|[Мм]ашин|[Кк]лиент|[Пп]лат[её]ж|[Оо]бслуж|[Bb]ooking|[Cc]ars?(\s|$)|[Cc]lient|[Pp]ayment|[Ss]ervice|[Mm]aintenance))',
    'Users, their roles or their passwords change.'
  )
) AS known (deeds, pattern, note)
ON CONFLICT DO NOTHING;
