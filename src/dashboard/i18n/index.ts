/** The reader's language, chosen once. */
import { type Dictionary, en } from "./en.ts"
import { makeFormat } from "./format.ts"
import { ru } from "./ru.ts"
import type { Language } from "./words.ts"

const dictionaries: { readonly [L in Language]: Dictionary } = { en, ru }

const isKnown = (language: string): language is Language => Object.hasOwn(dictionaries, language)

const languageOf = (tag: string): string => tag.split("-", 1)[0] ?? ""

/** The first of the browser's languages that is known here, with its country: `en-GB`. */
const tag = navigator.languages.find((tag) => isKnown(languageOf(tag))) ?? "en"
const chosen = languageOf(tag)

export const language: Language = isKnown(chosen) ? chosen : "en"

/** Browsers report what the system is set to, and that need not be a tag that Intl reads: `en-US@posix`. */
const readable = (tag: string): string => {
  try {
    return new Intl.Locale(tag).toString()
  } catch {
    return language
  }
}

export const t: Dictionary = dictionaries[language]

export const format = makeFormat(readable(tag))

document.documentElement.lang = language
