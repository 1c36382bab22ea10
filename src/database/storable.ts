import { Predicate } from "effect"

/** As jsonb takes it: without NUL and half characters. */
export const storable = (value: unknown): unknown => {
  if (Predicate.isString(value)) return storableText(value)
  if (Array.isArray(value)) return value.map(storable)
  if (!Predicate.isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [storableText(name), storable(one)]))
}

export const storableText = (text: string): string => text.replaceAll("\0", "").toWellFormed()
