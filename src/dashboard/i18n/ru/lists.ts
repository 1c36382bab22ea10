import type { lists as listsInEnglish } from "../en/lists.ts"
import { plurals } from "../words.ts"

const many = plurals<"one" | "few" | "many">("ru")
const rows = (count: number) => many(count, { one: "строка", few: "строки", many: "строк", other: "строки" })

export const lists: typeof listsInEnglish = {
  list: {
    filters: "Фильтры",
    all: "Все",
    state: "Состояние",
    branch: "Филиал",
    type: "Тип",
    kind: "Вид объекта",
    reason: "Причина",
    text: "Поиск",
    textHint: "номер, причина, содержимое",
    from: "С",
    to: "До",
    any: "Любой",
    anyReason: "Любая",
    clear: "Сбросить фильтры",
    id: "Номер",
    arrived: "Пришло",
    what: "Что",
    record: "Объект",
    attempts: "Попыток",
    select: (id) => `Выбрать строку ${id}`,
    selectPage: "Выбрать все строки на странице",
    selected: (count) => `Выбрано: ${rows(count)}`,
    unselect: "Снять выбор",
    retryMatching: "Повторить все…",
    discardMatching: "Снять все…",
    fresh: (count, more) =>
      more
        ? `Показать ${count}+ новых строк`
        : `Показать ${many(count, { one: "новую строку", few: "новые строки", many: "новых строк", other: "новые строки" })}`,
    left: (count) =>
      many(count, {
        one: "строка больше не подходит",
        few: "строки больше не подходят",
        many: "строк больше не подходят",
        other: "строки больше не подходят"
      }),
    leftOne: "больше не подходит",
    refresh: "Обновить",
    older: "Раньше",
    newest: "К новым",
    empty: "Подходящих строк нет.",
    emptyHint: "Уберите часть фильтров, чтобы увидеть больше.",
    shown: (count) => `На странице ${rows(count)}`,
    next: (time) => `следующая попытка ${time}`
  },
  row: {
    meaning: "Что это значит",
    todo: "Что делать",
    said: "Дословно",
    attempts: (count) =>
      many(count, {
        one: "попытка сделана",
        few: "попытки сделано",
        many: "попыток сделано",
        other: "попытки сделано"
      }),
    next: "Следующая попытка",
    story: "Что было",
    noStory: "Пока ничего не известно.",
    by: (name) => `— ${name}`,
    received: "Как пришло",
    normalised: "После разбора",
    sentence: "Фраза",
    raw: "Как в журнале RentProg",
    columns: "Все столбцы",
    trace: "Трассировка",
    copy: "Копировать",
    copyLabel: "Копировать номер трассировки",
    copied: "Скопировано.",
    notCopied: "Браузер не даёт скопировать; текст выделен.",
    undoHint: "Снятие можно отменить на странице «Действия».",
    more: (size) => `Показать всё (знаков: ${size})`,
    cut: "Обрезано: слишком велико, чтобы показать."
  },
  steps: {
    received: "Получено",
    failed: "Попытка не удалась",
    parked: "Застряло",
    processed: "Обработано",
    retried: "Запущено снова",
    discarded: "Снято с обработки",
    undone: "Снятие отменено"
  },
  entity: {
    types: {
      car: "Автомобиль",
      client: "Клиент",
      booking: "Бронь",
      payment: "Платёж",
      maintenance: "Обслуживание"
    },
    lacking: "В копии этого объекта нет.",
    deleted: (_ago, at) => `Нет в RentProg с ${at}`,
    fetched: (ago) => `Данные получены ${ago}`,
    record: "Объект",
    data: "Весь объект, как известен сейчас",
    timeline: "История",
    nothing: "О нём ещё ничего не сообщалось.",
    becomes: "стало",
    empty: "пусто",
    sources: { event: "событие", history: "запись журнала", sync: "сверка", operator: "оператор" },
    operations: {
      create: "Создание",
      update: "Изменение",
      destroy: "Удаление",
      delete: "Удаление",
      cancel: "Отмена",
      issue: "Выдача",
      return: "Возврат",
      complete: "Завершение",
      transfer: "Передача денег"
    },
    happened: "Что-то произошло"
  }
}
