import type { deeds as deedsInEnglish } from "../en/deeds.ts"
import { plurals } from "../words.ts"

const many = plurals<"one" | "few" | "many">("ru")
const rows = (count: number) => many(count, { one: "строка", few: "строки", many: "строк", other: "строки" })

/** So many rows, which may be all or not. */
const first = (count: number, more: boolean) =>
  more ? `первые ${rows(count)} из большего числа` : rows(count)

export const deeds: typeof deedsInEnglish = {
  actions: {
    title: "Действия",
    intro: "Что здесь делали люди, сначала новое.",
    none: "Пока никто ничего не делал.",
    retry: (count) => `Повтор: ${rows(count)}`,
    discard: (count) => `Снятие с обработки: ${rows(count)}`,
    undo: (count) => `Отмена снятия: ${rows(count)}`,
    pause: (branch) => `Приостановлен филиал ${branch}`,
    resume: (branch) => `Работа филиала ${branch} возобновлена`,
    from: (address) => `с адреса ${address}`,
    matching: "Все подходящие",
    everything: "без фильтра",
    reason: "Причина"
  },
  deeds: {
    retry: "Повторить",
    discard: "Снять…",
    retryAsk: "Запустить снова?",
    retryText: (count, more) =>
      count === 0
        ? "Запускать снова нечего."
        : `Снова пойдёт в работу: ${first(count, more)}. Счёт попыток начнётся заново.`,
    retryDo: "Запустить снова",
    discardAsk: "Снять с обработки?",
    discardText: (count, more) =>
      count === 0
        ? "Снимать нечего: обработанные строки не трогаются."
        : `Без обработки будет закрыто: ${first(count, more)}. Это можно отменить.`,
    discardDo: "Снять с обработки",
    reason: "Почему",
    reasonHint: "Останется в строке и в списке действий.",
    counting: "Считаем…",
    as: (name) => `В списке действий будет: ${name}.`,
    nobody: "operator",
    cancel: "Отмена",
    close: "Закрыть",
    retried: (count) => `Запущено снова: ${rows(count)}.`,
    discarded: (count) => `Снято с обработки: ${rows(count)}.`,
    undone: (count) => `Возвращено как было: ${rows(count)}.`,
    more: "Это не все: повторите действие.",
    nothing: "Делать было нечего.",
    undo: "Отменить",
    undoAsk: "Отменить снятие?",
    undoText: (count) => `Станет как до снятия: ${rows(count)}.`,
    undoDo: "Отменить снятие"
  },
  session: {
    you: "Вы",
    title: "Вход",
    text: "Нужен токен администратора. Он хранится, пока открыта вкладка.",
    token: "Токен администратора",
    name: "Ваше имя",
    nameHint: "Чтобы было видно, кто что сделал. Необязательно.",
    enter: "Войти",
    wrong: "Токен не подошёл.",
    tooMany: "С вашего адреса пришло слишком много неверных токенов. Подождите минуту и попробуйте снова.",
    settings: "Вы",
    save: "Сохранить",
    saved: "Сохранено.",
    leave: "Выйти",
    forbidden: "Этот Jarvis отвечает только на своей машине",
    forbiddenText:
      "Токен администратора не задан, поэтому принимаются запросы лишь с той же машины. Задайте JARVIS_ADMIN_TOKEN, чтобы входить отсюда.",
    again: "Попробовать снова"
  },
  problems: {
    unauthorized: "Токен больше не принимается.",
    "not-found": "Такого нет.",
    conflict: "Уже нельзя: кто-то успел раньше, или строки с тех пор изменились.",
    "too-many": "С вашего адреса пришло слишком много неверных токенов.",
    unavailable: {
      away: "База данных не отвечает.",
      locked: "Эти строки сейчас заняты кем-то другим.",
      "too slow":
        "Поиск идёт слишком долго. Сузьте его: с состоянием, филиалом, типом или временем искать быстрее, чем по одному тексту.",
      refused: "База данных отказала. Почему, сказано в журнале сервиса."
    },
    network: "Сервис не отвечает.",
    itself: "Страница попробует снова сама.",
    unknown: "Неизвестно, выполнено ли действие: проверьте и повторите.",
    forbidden: "Отсюда это не разрешено.",
    unexpected: (detail) => `Не получилось: ${detail}`,
    again: "Попробовать снова"
  },
  broken: {
    title: "Страница сломалась",
    text: "Это ошибка самой страницы, а не сервиса. Подробность поможет её исправить."
  },
  missing: { title: "Нет такой страницы", text: "Этот адрес никуда не ведёт.", home: "К обзору" },
  none: "–"
}
