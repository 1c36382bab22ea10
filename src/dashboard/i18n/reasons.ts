/** What each reason means to a person, and what they can do about it. A code without a line here does not compile. */
import type { ReasonCode } from "../../domain/Reason.ts"
import type { Language } from "./words.ts"

export interface Explained {
  readonly title: string
  readonly means: string
  readonly todo: string
}

type Explanations = { readonly [Code in ReasonCode]: { readonly [L in Language]: Explained } }

const itself = {
  en: "Nothing: it is tried again by itself.",
  ru: "Ничего: попытка повторится сама."
}
const see = {
  en: "Look at what was received. Mend the row, which runs it again, or discard it.",
  ru: "Посмотрите, что пришло. Исправьте строку — она пойдёт в работу снова — или снимите её с обработки."
}

export const explanations: Explanations = {
  missing_ext_id: {
    en: {
      title: "No record number",
      means: "Neither the row nor its payload says which record it is about.",
      todo: see.en
    },
    ru: {
      title: "Нет номера объекта",
      means: "Ни строка, ни её содержимое не говорят, о каком объекте речь.",
      todo: see.ru
    }
  },
  unknown_event_type: {
    en: { title: "Unknown type", means: "The type is none of the nine that RentProg sends.", todo: see.en },
    ru: {
      title: "Неизвестный тип",
      means: "Такого типа нет среди девяти, которые присылает RentProg.",
      todo: see.ru
    }
  },
  unknown_branch: {
    en: {
      title: "Unknown branch",
      means: "No branch was given, and neither the company number nor the record leads to one.",
      todo: "While it says “not asked yet”, nothing: RentProg is asked first. Then add the company to the table branches, or set the row's branch, and retry."
    },
    ru: {
      title: "Неизвестный филиал",
      means: "Филиал не указан, и ни номер компании, ни сам объект к нему не ведут.",
      todo: "Пока стоит «not asked yet» — ничего: сначала спросим у RentProg. Потом добавьте компанию в таблицу branches или впишите филиал в строку и повторите."
    }
  },
  invalid_payload: {
    en: {
      title: "Unreadable payload",
      means: "What was received is no object, or names no usable number.",
      todo: see.en
    },
    ru: {
      title: "Нечитаемое содержимое",
      means: "Пришёл не объект, или в нём нет пригодного номера.",
      todo: see.ru
    }
  },
  rentprog_not_found: {
    en: {
      title: "RentProg does not have it",
      means: "RentProg says that this branch has no such record, or not yet: its own copies lag.",
      todo: "Nothing at first. After 5 attempts the mirror marks the record deleted; then discard the row, or retry if you know better."
    },
    ru: {
      title: "Нет в RentProg",
      means: "RentProg отвечает, что у филиала такого объекта нет — или ещё нет: его копии отстают.",
      todo: "Сначала ничего. После 5 попыток объект в копии помечается удалённым; тогда снимите строку или повторите, если знаете, что он есть."
    }
  },
  rentprog_unauthorized: {
    en: {
      title: "RentProg refuses the token",
      means: "No token is set for the branch, or RentProg does not accept it.",
      todo: "Set the branch's token in RENTPROG_TOKENS and restart."
    },
    ru: {
      title: "RentProg не принимает токен",
      means: "Токен филиала не задан, или RentProg его не принимает.",
      todo: "Задайте токен филиала в RENTPROG_TOKENS и перезапустите сервис."
    }
  },
  rentprog_rate_limited: {
    en: {
      title: "Quota used up",
      means: "RentProg answered that the branch has asked too much.",
      todo: itself.en
    },
    ru: {
      title: "Квота исчерпана",
      means: "RentProg ответил, что филиал спрашивает слишком часто.",
      todo: itself.ru
    }
  },
  rentprog_timeout: {
    en: { title: "RentProg was too slow", means: "RentProg did not answer in time.", todo: itself.en },
    ru: { title: "RentProg не успел", means: "RentProg не ответил вовремя.", todo: itself.ru }
  },
  rentprog_unavailable: {
    en: {
      title: "RentProg is away",
      means: "RentProg could not be reached, or answered with an error of its own.",
      todo: itself.en
    },
    ru: {
      title: "RentProg недоступен",
      means: "До RentProg не достучаться, или он ответил своей ошибкой.",
      todo: itself.ru
    }
  },
  rentprog_bad_response: {
    en: {
      title: "Odd answer of RentProg",
      means: "RentProg answered something that is not a record.",
      todo: "The detail says what was wrong. It is tried again by itself; if it stays, ask RentProg."
    },
    ru: {
      title: "Странный ответ RentProg",
      means: "RentProg прислал нечто, что не похоже на объект.",
      todo: "В подробностях сказано, что не так. Попытка повторится сама; если не проходит, спросите RentProg."
    }
  },
  missing_dependency: {
    en: {
      title: "Car or client is missing",
      means: "The booking's car or client could not be had from RentProg.",
      todo: "It is tried again by itself. The detail names the record to look for."
    },
    ru: {
      title: "Нет автомобиля или клиента",
      means: "Автомобиль или клиента этой брони не удалось получить из RentProg.",
      todo: "Попытка повторится сама. Какого объекта не хватает, сказано в подробностях."
    }
  },
  database_error: {
    en: {
      title: "The database refused it",
      means: "PostgreSQL refused a statement that should have worked.",
      todo: "The detail says what was wrong. It is tried again by itself."
    },
    ru: {
      title: "База данных отказала",
      means: "PostgreSQL не выполнил запрос, который должен был пройти.",
      todo: "В подробностях сказано, что не так. Попытка повторится сама."
    }
  },
  internal_error: {
    en: {
      title: "A defect of Jarvis",
      means: "Jarvis itself failed at this row.",
      todo: "It is tried again by itself. Please report the detail and the trace."
    },
    ru: {
      title: "Ошибка самого Jarvis",
      means: "На этой строке сбился сам Jarvis.",
      todo: "Попытка повторится сама. Сообщите разработчикам подробности и номер трассировки."
    }
  },
  empty_description: {
    en: { title: "Empty sentence", means: "The log entry says nothing.", todo: "Discard it." },
    ru: {
      title: "Пустая фраза",
      means: "В записи журнала ничего не сказано.",
      todo: "Снимите её с обработки."
    }
  },
  unparsed_description: {
    en: {
      title: "Sentence not understood",
      means: "The sentence reads in no way that Jarvis knows.",
      todo: "Discard it, or put the sentence right in the row."
    },
    ru: {
      title: "Фраза не понята",
      means: "Jarvis не знает, как читать такую фразу.",
      todo: "Снимите строку с обработки или исправьте в ней фразу."
    }
  },
  entity_not_found: {
    en: {
      title: "Waits for its record",
      means: "The entry is about a record that the mirror does not have yet.",
      todo: "Nothing: it applies the moment the record arrives. It is parked where RentProg does not have the record either."
    },
    ru: {
      title: "Ждёт свой объект",
      means: "Запись говорит об объекте, которого в копии пока нет.",
      todo: "Ничего: она применится, как только объект придёт. Если его нет и в RentProg, строка застрянет."
    }
  },
  apply_failed: {
    en: {
      title: "Change does not fit",
      means: "What the entry says could not be written to the record.",
      todo: "The detail holds the value that does not fit. Put it right in the row, or discard it."
    },
    ru: {
      title: "Изменение не подходит",
      means: "То, что сказано в записи, не удалось внести в объект.",
      todo: "В подробностях — значение, которое не подошло. Исправьте его в строке или снимите её с обработки."
    }
  },
  discarded: {
    en: {
      title: "Discarded",
      means: "A person decided that the row needs no processing.",
      todo: "Nothing. If that was a mistake, take the discard back or retry."
    },
    ru: {
      title: "Снято с обработки",
      means: "Человек решил, что обрабатывать строку не нужно.",
      todo: "Ничего. Если это ошибка, отмените снятие или повторите."
    }
  },
  superseded: {
    en: {
      title: "Newer known already",
      means: "The row is done and wrote nothing: what the copy has is newer.",
      todo: "Nothing."
    },
    ru: {
      title: "Уже есть новее",
      means: "Строка обработана, но ничего не записала: в копии уже более новые данные.",
      todo: "Ничего."
    }
  },
  deleted_recently: {
    en: {
      title: "Just deleted",
      means: "The row is done and wrote nothing: the record was deleted less than ten minutes before.",
      todo: "Nothing. If RentProg does have the record, run the row again."
    },
    ru: {
      title: "Только что удалено",
      means: "Строка обработана, но ничего не записала: объект удалили меньше десяти минут назад.",
      todo: "Ничего. Если в RentProg объект есть, запустите строку снова."
    }
  },
  not_about_records: {
    en: {
      title: "Not about records",
      means: "The sentence means nothing for the copy: a pattern of ignored_sentences says so.",
      todo: "Nothing. If the pattern is wrong, remove it and run the row again."
    },
    ru: {
      title: "Не об объектах",
      means: "Для копии эта фраза ничего не значит: так говорит шаблон из ignored_sentences.",
      todo: "Ничего. Если шаблон ошибочен, удалите его и запустите строку снова."
    }
  }
}
