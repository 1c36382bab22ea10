/** Dates and times as RentProg writes them, in records and in its log. */
import { DateTime, Option } from "effect"

/**
 * What is rewritten before a text is read: the day first, and ISO 8601 in its short form. The SQL function `read_moment`
 * has the same patterns; a test holds the two together.
 */
const rewrites: ReadonlyArray<readonly [form: RegExp, as: string]> = [
  [/^([0-9]{2})-([0-9]{2})-([0-9]{4})(?![0-9])/, "$3-$2-$1"],
  [/^([0-9]{4})([0-9]{2})([0-9]{2})(?=[Tt]|$)/, "$1-$2-$3"],
  [/([Tt][0-9]{2})([0-9]{2})(?![0-9]*:)/, "$1:$2"],
  [/([Tt][0-9]{2}:[0-9]{2})([0-9]{2})/, "$1:$2"]
]

/** Year, month, day, hour, minute, second, fraction, zone, and the zone's sign, hours and minutes. */
const form =
  /^([1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(?:[Tt ]([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?(?: ?([Zz]|UTC|GMT|([+-])(0[0-9]|1[0-4])(?::?([0-5][0-9]))?))?)?$/

/** Asia/Tbilisi, all year round. */
const tbilisi = "+04:00"

/**
 * The moment that a text says, as ISO 8601 in UTC to the millisecond, or none where it does not read: `DD-MM-YYYY H:mm`,
 * ISO 8601 in its long and its short form, or `2025-11-20 10:00:00 UTC`, each also without a time or without a zone, which
 * is Tbilisi's then.
 */
export const readMoment = (said: string): Option.Option<string> => {
  const text = rewrites.reduce((text, [form, as]) => text.replace(form, as), said.slice(0, 100).trim())
  const [, y, m, d, hour = "0", minute = "00", second = "00", fraction = "0", zone, sign, h, min = "00"] =
    form.exec(text) ?? []
  const date = `${y}-${m}-${d}`
  const offset = zone === undefined ? tbilisi : sign === undefined ? "Z" : `${sign}${h}:${min}`
  return DateTime.make(date).pipe(
    // JavaScript reads 31 February as 3 March.
    Option.filter((midnight) => DateTime.formatIsoDateUtc(midnight) === date),
    Option.flatMap(() =>
      DateTime.make(`${date}T${hour.padStart(2, "0")}:${minute}:${second}.${fraction}${offset}`)
    ),
    Option.map(DateTime.formatIso)
  )
}
