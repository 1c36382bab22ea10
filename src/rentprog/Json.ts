/**
 * JSON as RentProg wrote it. JavaScript's numbers end at 15 to 17 digits: a number that it would change is read as the text
 * that stands there.
 */
import { Schema } from "effect"

/** What a text without any number that JavaScript would change has none of. */
const suspicious = /[0-9.]{16}|[0-9][eE]/
const textOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g

const isChanged = (number: string): boolean => {
  const value = Number(number)
  const digits = number.replace(/[eE].*/, "").replaceAll(/[^0-9]/g, "")
  const isRounded = String(value) !== number || (Number.isInteger(value) && !Number.isSafeInteger(value))
  return !Number.isFinite(value) || (digits.length > 15 && isRounded)
}

const exactly = (json: string): string =>
  suspicious.test(json)
    ? json.replaceAll(textOrNumber, (found) =>
        !found.startsWith('"') && isChanged(found) ? `"${found}"` : found
      )
    : json

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** Fails where it is no JSON. */
export const readJson = (json: string) => parse(exactly(json))
