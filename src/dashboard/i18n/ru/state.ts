import type { state as stateInEnglish } from "../en/state.ts"
import { plurals } from "../words.ts"

const many = plurals<"one" | "few" | "many">("ru")
const needPerson = (count: number) =>
  many(count, {
    one: "строка ждёт человека",
    few: "строки ждут человека",
    many: "строк ждут человека",
    other: "строки ждут человека"
  })

export const state: typeof stateInEnglish = {
  nav: {
    label: "Страницы",
    skip: "К содержимому",
    overview: "Обзор",
    events: "События",
    history: "Журнал",
    actions: "Действия",
    parked: needPerson
  },
  live: {
    connecting: "Подключение",
    live: "На связи",
    away: "Нет базы данных",
    lost: "Нет связи",
    again: (seconds) => `Нет связи, следующая попытка через ${seconds} с`,
    stale: (time) => `Данные на ${time}.`,
    reload: "Страница устарела и не понимает сервис. Обновите её."
  },
  verdict: {
    label: "Как обстоят дела",
    wait: "Секунду",
    waitDetail: "Узнаём у сервиса, как дела.",
    well: "Всё в порядке",
    wellDetail: "Все части работают, ни одна строка не ждёт человека.",
    parked: needPerson,
    down: (name) => `Не работает: ${name}`,
    starting: "Запускается",
    startingDetail: (names) => `Ещё не поднялись: ${names}.`,
    away: "База данных не отвечает",
    awayDetail:
      "Ничего не потеряно: отправители повторят запросы, а работа продолжится, когда база вернётся.",
    lost: "Сервис не отвечает",
    lostDetail: "Страница продолжает попытки сама.",
    breaker: (branch) => `RentProg не отвечает филиалу ${branch}`,
    token: {
      missing: (branch) => `У филиала ${branch} есть события, но нет токена`,
      refused: (branch) => `RentProg не принимает токен филиала ${branch}`
    },
    behind: (branch, age) => `Филиал ${branch} отстаёт: событие ждёт своей очереди ${age}`,
    failing: {
      events: (age) => `События не удаётся обработать уже ${age}`,
      history: (age) => `Записи журнала не удаётся применить уже ${age}`
    },
    noLog: (branch) => `Журнал филиала ${branch} не читается`,
    unread: (branch, age) => `Журнал филиала ${branch} не дочитан до конца уже ${age}`,
    paused: (branch, by) => `Филиал ${branch} приостановлен (${by})`,
    idle: "Новые события никто не слушает",
    idleDetail:
      "Ничего не потеряно: строки ждут в таблицах. За 15 секунд работу подхватит другой процесс; если нет, причина — в журнале сервиса.",
    gone: (processes) => `Не на связи: ${processes}`,
    goneRemedy:
      "Процесс упал или завис; его работу подхватит другой, если он есть. Причина — в его журнале; через 5 минут он отсюда исчезнет.",
    late: (age) => `Самая старая строка ждёт ${age}`,
    waiting: (count) =>
      many(count, {
        one: "строка повторится автоматически",
        few: "строки повторятся автоматически",
        many: "строк повторятся автоматически",
        other: "строки повторятся автоматически"
      })
  },
  parts: {
    database: "База данных",
    migrations: "Миграции",
    "event listener": "Слушатель событий",
    "event fallback": "Обход событий",
    "event branches": "Поиск филиалов событий",
    "history listener": "Слушатель журнала",
    "history fallback": "Обход журнала",
    "log reader": "Чтение журнала RentProg",
    notifications: "Уведомления",
    "branch watch": "Присмотр за филиалами",
    presence: "Связь с другими процессами",
    "event settling": "Запись итогов событий",
    "history settling": "Запись итогов журнала",
    adoption: "Приём старых строк",
    forwarding: "Пересылка из чужих таблиц",
    "branch other": "Неизвестные филиалы"
  },
  branchParts: {
    branch: (branch) => `Филиал ${branch}`,
    token: (branch) => `Токен филиала ${branch}`,
    log: (branch) => `Журнал филиала ${branch}`,
    "user token": (branch) => `Токен пользователя филиала ${branch}`,
    backlog: (branch) => `Очередь филиала ${branch}`
  },
  remedies: {
    database: "Проверьте, что PostgreSQL работает, принимает подключения и даёт писать.",
    migrations: "Что им помешало, сказано в журнале сервиса.",
    "event listener": "Перезапустится сам. Если не поднимается, смотрите журнал сервиса и JARVIS_LISTEN_URL.",
    "history listener":
      "Перезапустится сам. Если не поднимается, смотрите журнал сервиса и JARVIS_LISTEN_URL.",
    notifications:
      "Укажите в JARVIS_LISTEN_URL подключение в обход пулера и перезапустите сервис. До тех пор всё может занимать на минуту дольше.",
    "event settling":
      "Что-то в таблице events не даёт менять строки: ограничение, триггер или тип, который добавили вы. Строки названы в таблице row_refusals; устраните помеху, и они пойдут сами.",
    "history settling":
      "Что-то в таблице history не даёт менять строки: ограничение, триггер или тип, который добавили вы. Строки названы в таблице row_refusals; устраните помеху, и они пойдут сами.",
    adoption:
      "Попытка повторяется каждую минуту. Если не проходит, проверьте, кто держит эти строки или что не даёт их менять.",
    forwarding:
      "Строки из таблиц другой системы опаздывают: причина — в таблице forward_misses; устраните её, и они придут сами. Строки, которые могли потеряться, сервис ищет сам; если найти их нельзя, сверьте таблицы и снова запустите jarvis forward. Если пропал триггер, его вернёт jarvis forward.",
    branch:
      "Перезапустится сам, ни одна строка не потеряется. Если не проходит, причина — в журнале сервиса.",
    token: "Исправьте его в RENTPROG_TOKENS и перезапустите сервис.",
    log: "Попытка повторяется каждые 3 минуты. Если RentProg не принимает токен пользователя, впишите новый в RENTPROG_HISTORY_TOKENS и перезапустите сервис.",
    "user token": "Впишите новый в RENTPROG_HISTORY_TOKENS и перезапустите сервис.",
    backlog: "Посмотрите ниже на квоту, связь и паузу филиала.",
    other: "Перезапустится сама. Если не проходит, причина — в журнале сервиса."
  },
  branchRemedies: {
    token: {
      missing: "Его события ждут. Добавьте токен в RENTPROG_TOKENS и перезапустите сервис.",
      refused: "Его события ждут. Исправьте токен в RENTPROG_TOKENS и перезапустите сервис."
    },
    behind: {
      paused: "Продолжите работу, когда будет можно.",
      breaker: "Ничего не потеряно: работа продолжится сама, когда RentProg ответит.",
      quota:
        "Квота исчерпана; филиал нагонит сам. Если RentProg позволяет, увеличьте RENTPROG_READS_PER_MINUTE.",
      work: "Работы больше, чем успевается. Если не проходит, причина — в журнале сервиса."
    },
    unread:
      "После долгого перерыва догонит сам, страница за страницей. Если не проходит, причина — в журнале сервиса.",
    noLog:
      "Платежи, касса и обслуживание известны только оттуда: впишите токен пользователя в RENTPROG_HISTORY_TOKENS."
  },
  logs: {
    title: "Журналы филиалов",
    none: "Журналы не читаются: RENTPROG_HISTORY_TOKENS не задан.",
    read: "читается",
    failed: "не читается",
    untried: "ещё не читался",
    until: "известен до",
    never: "не прочитан ни разу"
  },
  overview: {
    title: "Обзор",
    parts: "Части",
    up: "работает",
    down: "не работает",
    starting: "запускается",
    refused: "отказано",
    backlog: "Очередь",
    oldest: "Самая старая",
    nothing: "Всё сделано.",
    reasons: "Почему строки не обработаны",
    moreReasons: (count) =>
      `ещё ${many(count, { one: "причина", few: "причины", many: "причин", other: "причины" })}`,
    throughput: "Поток",
    throughputUnit: "событий в минуту",
    received: "Получено",
    processed: "Обработано",
    throughputText: (received, processed) =>
      `За последний час получено ${received}, обработано ${processed}.`,
    latency: "Задержка",
    latencyUnit: "от получения до обработки",
    median: "Медиана",
    p99: "99-й процентиль",
    latencyText: (median, p99) =>
      `В самую загруженную минуту половина обработана за ${median}, 99 из 100 — за ${p99}.`,
    latencyNone: "За последний час ничего не обработано.",
    table: "Таблицей",
    minute: "Минута"
  },
  processes: {
    title: "Процессы",
    named: (process) => `процесс ${process}`,
    part: (part, process) => `${part} (процесс ${process})`,
    elsewhere: "в другом процессе",
    alone: (process, role, started) => `Процесс ${process} ${role}, ${started}.`,
    self: "эта страница — от него",
    roles: {
      working: "выполняет всю работу",
      sharing: "делит работу с другими",
      "standing by": "в резерве: подхватит работу, если понадобится"
    },
    started: (ago) => `запущен ${ago}`,
    listens: "слушает новые события за всех",
    branches: (count, names) =>
      `ведёт ${many(count, { one: "филиал", few: "филиала", many: "филиалов", other: "филиала" })}: ${names}`,
    more: (names, more) => `${names} и ещё ${more}`,
    unwell: (parts) => `Не в порядке: ${parts}`,
    unseen: (age) => `Не выходит на связь ${age}`
  },
  branches: {
    title: "Филиалы",
    branch: "Филиал",
    quota: "Остаток квоты",
    reads: (left, perMinute) =>
      `сейчас ${many(left, { one: "чтение", few: "чтения", many: "чтений", other: "чтения" })}, ${perMinute} в минуту`,
    pausedUntil: (time) => `RentProg просит подождать до ${time}`,
    unknown: "неизвестно",
    nobody: "его не ведёт ни один процесс",
    rentprog: "RentProg",
    breaker: { closed: "отвечает", open: "не отвечает", "half-open": "проверяется" },
    token: { missing: "нет токена", refused: "не принимает токен" },
    pending: "В очереди",
    waiting: "Ждёт повтора",
    parked: "Застряло",
    oldest: "Самая старая",
    paused: (by, ago) => `приостановлен: ${by}, ${ago}`,
    none: "Филиалов пока нет.",
    pause: "Приостановить",
    resume: "Продолжить",
    pauseLabel: (branch) => `Приостановить ${branch}`,
    resumeLabel: (branch) => `Продолжить ${branch}`,
    pauseAsk: (branch) => `Приостановить ${branch}?`,
    pauseText:
      "Запросы этого филиала к RentProg остановятся, пока их не продолжат. Вебхуки принимаются и ждут.",
    resumeAsk: (branch) => `Продолжить ${branch}?`,
    resumeText: "Всё, что ждёт в этом филиале, снова пойдёт в работу — с той скоростью, какую даёт квота.",
    pausedDone: (branch) => `Филиал ${branch} приостановлен.`,
    resumedDone: (branch) => `Филиал ${branch} продолжает работу.`
  },
  states: {
    pending: "В очереди",
    waiting: "Ждёт повтора",
    parked: "Застряло",
    processed: "Обработано",
    discarded: "Снято"
  },
  stateText: {
    pending: "До неё ещё не дошла очередь; дойдёт сама.",
    waiting: "Попытка не удалась. Она повторится автоматически.",
    parked: "Сама больше не повторится: нужен человек.",
    processed: "Обработана.",
    discarded: "Человек решил, что обрабатывать её не нужно."
  },
  tables: { events: "События", history: "Журнал" },
  one: { events: "Событие", history: "Запись журнала" }
}
