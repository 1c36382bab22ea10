/** The words that sentences of the operations log are made of, in both languages of RentProg's interface. */

export const words = [
  ...[
    "Иван",
    "Петров",
    "Ёлкина",
    "Anna",
    "O'Hara",
    "Кузнецова-Ли",
    "ნინო",
    "李雷",
    "محمد",
    "Ćirić",
    "Parser",
    "А."
  ]
] as const
export const values = [
  ...["171678", "7,4", "7.4", "-1", "0", "Camry 174", "Mini 4x4 S Red 919", "белый", "dark blue", "да/нет"],
  ...[
    "Тбилиси, аэропорт",
    "+995 555 01",
    "03-11-2026 9:30",
    "«А» (б)",
    "тёмно-синий",
    "ул. Руставели 5",
    "50%"
  ]
] as const
export const fields = ["mileage", "company_id", "car_class", "tank_value", "start_date", "abs2"] as const
export const texts = [
  "закрепить бачок, течёт",
  "замена масла 5W-30",
  "заменить шину №2",
  "wash 2 seats",
  "ТО-2"
] as const

export const russian = {
  create: ["создал", "создала", "Создал", "добавил", "ДОБАВИЛА"],
  update: ["изменил", "изменила", "обновил", "отредактировала", "Изменил"],
  delete: ["удалил", "удалила", "УДАЛИЛА"],
  cancel: ["отменил", "отменила"],
  issue: ["выдал", "выдала"],
  return: ["принял", "приняла"],
  complete: ["завершил", "завершила"]
}
export const english = {
  create: ["created", "added"],
  update: ["changed", "updated", "edited", "modified"],
  delete: ["deleted", "removed"],
  cancel: ["cancelled", "canceled"],
  issue: ["issued"],
  return: ["accepted", "returned"],
  complete: ["completed"]
}
export const done = {
  ru: { create: "создана", update: "изменено", delete: "удалён", cancel: "отменена" },
  en: { create: "was created", update: "was updated", delete: "deleted", cancel: "has been cancelled" }
}
export const gave = { ru: ["передал", "передала"], en: ["transferred", "handed", "gave"] }
export const nouns = {
  ru: {
    booking: ["бронь", "брони"],
    car: ["авто"],
    client: ["клиента", "клиенте"],
    payment: ["платёж", "платеж"],
    payments: ["платежи"],
    maintenance: ["обслуживание"],
    object: ["объекте"]
  },
  en: {
    booking: ["booking"],
    car: ["car"],
    client: ["client"],
    payment: ["payment"],
    payments: ["payments"],
    maintenance: ["service"],
    object: ["object", "car"]
  }
}
export const small = {
  ru: { from: "с", to: "на", in: "в", by: "от", income: "приход", expense: "расход", refund: "возврат" },
  en: { from: "from", to: "to", in: "in", by: "from", income: "income", expense: "expense", refund: "refund" }
}
export const methods = {
  ru: {
    cash: ["наличными", "наличкой"],
    cashless: [
      "безналичными",
      "картой",
      "безналом",
      "безнал",
      "по безналу",
      "на карту",
      "с карты",
      "переводом"
    ]
  },
  en: { cash: ["cash", "in cash"], cashless: ["cashless", "card", "by card", "by bank transfer"] }
}
export const currencies = {
  GEL: ["GEL", "gel", "Gel", "₾", "лари"],
  USD: ["USD", "usd", "$"],
  EUR: ["EUR", "€", "евро"]
}
export const purposes = {
  ru: { booking: "бронь", car: "авто", client: "клиент" },
  en: { booking: "booking", car: "car", client: "client" }
}
