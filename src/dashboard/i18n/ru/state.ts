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
    startingDetail: "Некоторые части ещё не поднялись.",
    away: "База данных не отвечает",
    awayDetail:
      "Ничего не потеряно: отправители повторят запросы, а работа продолжится, когда база вернётся.",
    lost: "Сервис не отвечает",
    lostDetail: "Страница продолжает попытки сама.",
    breaker: (branch) => `RentProg не отвечает филиалу ${branch}`,
    paused: (branch, by) => `Филиал ${branch} приостановлен (${by})`,
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
    "history listener": "Слушатель журнала",
    "history fallback": "Обход журнала",
    "log reader": "Чтение журнала RentProg"
  },
  overview: {
    title: "Обзор",
    parts: "Части",
    up: "работает",
    down: "не работает",
    starting: "запускается",
    branchPart: (branch) => `Филиал ${branch}`,
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
  branches: {
    title: "Филиалы",
    branch: "Филиал",
    quota: "Остаток квоты",
    reads: (left, perMinute) =>
      `сейчас ${many(left, { one: "чтение", few: "чтения", many: "чтений", other: "чтения" })}, ${perMinute} в минуту`,
    pausedUntil: (time) => `RentProg просит подождать до ${time}`,
    unknown: "неизвестно",
    rentprog: "RentProg",
    breaker: { closed: "отвечает", open: "не отвечает", "half-open": "проверяется" },
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
