/**
 * JSON as RentProg wrote it. JavaScript's numbers end at 15 to 17 digits: a number that it would change is read as the text
 * that stands there.
 */
import { Schema } from "effect"

/** What a text without any number that JavaScript would change has none of. */
const suspicious = /[0-9.]{16}|[0-9][eE]/
/** Where texts begin and end, what a text escapes, and numbers. A pattern of whole texts would run out of stack for long ones. */
const tokens = /\\.|"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g

const isChanged = (number: string): boolean => {
  const value = Number(number)
  const digits = number.replace(/[eE].*/, "").replaceAll(/[^0-9]/g, "")
  const isRounded = String(value) !== number || (Number.isInteger(value) && !Number.isSafeInteger(value))
  return !Number.isFinite(value) || (digits.length > 15 && isRounded)
}

/** The same JSON with such numbers as texts. */
export const exactly = (json: string): string => {
  if (!suspicious.test(json)) return json
  let isText = false
  return json.replaceAll(tokens, (found) => {
    if (found === '"') isText = !isText
    return !isText && /^[-0-9]/.test(found) && isChanged(found) ? `"${found}"` : found
  })
}

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** Fails where it is no JSON. */
export const readJson = (json: string) => parse(exactly(json))
