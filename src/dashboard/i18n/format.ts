/** Numbers, times and durations as the reader's language writes them. */
/** A moment, as the API's schemas decode it. */
export interface Moment {
  readonly epochMilliseconds: number
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const scales = [
  { unit: "day", size: day },
  { unit: "hour", size: hour },
  { unit: "minute", size: minute },
  { unit: "second", size: 1000 }
] as const

export const makeFormat = (language: string) => {
  const plain = new Intl.NumberFormat(language)
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" })
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" })
  const clockShort = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" })
  const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" })
  const whole = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" })
  const unitOf = (unit: string, unitDisplay: "long" | "narrow", maximumFractionDigits = 0) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay, maximumFractionDigits })
  const long = {
    day: unitOf("day", "long"),
    hour: unitOf("hour", "long"),
    minute: unitOf("minute", "long"),
    second: unitOf("second", "long")
  }
  const milliseconds = unitOf("millisecond", "narrow")
  const seconds = unitOf("second", "narrow", 1)
  const minutes = unitOf("minute", "narrow", 1)

  const scaleOf = (millis: number) => scales.find(({ size }) => Math.abs(millis) >= size)

  const fromNow = (millis: number): string => {
    const scale = scaleOf(millis)
    return scale === undefined
      ? relative.format(0, "second")
      : relative.format(Math.trunc(millis / scale.size), scale.unit)
  }

  return {
    number: (value: number): string => plain.format(value),
    /** `3 minutes ago`. The reader's clock may be behind the server's: what has happened is never to come. */
    ago: (at: Moment, now: number): string => fromNow(Math.min(at.epochMilliseconds - now, 0)),
    /** `in 3 minutes`, and `now` from then on. */
    until: (at: Moment, now: number): string => fromNow(Math.max(at.epochMilliseconds - now, 0)),
    /** `25 minutes`, and never less than none. */
    duration: (span: number): string => {
      const millis = Math.max(span, 0)
      const scale = scaleOf(millis)
      return scale === undefined
        ? long.second.format(0)
        : long[scale.unit].format(Math.trunc(millis / scale.size))
    },
    /** `340 ms`, `2.3 s` */
    latency: (millis: number): string => {
      const text =
        millis < 1000
          ? milliseconds.format(millis)
          : millis < 2 * minute
            ? seconds.format(millis / 1000)
            : minutes.format(millis / minute)
      // A number is not parted from its unit.
      return text.replaceAll(" ", "\u00a0")
    },
    /** The time of day, to the second. */
    time: (at: Moment): string => clock.format(at.epochMilliseconds),
    /** The time of day, to the minute. */
    minute: (millis: number): string => clockShort.format(millis),
    /** The time of day, with the date where it is another day than today. */
    when: (at: Moment): string => {
      const moment = new Date(at.epochMilliseconds)
      const time = clock.format(moment)
      return moment.toDateString() === new Date().toDateString() ? time : `${date.format(moment)}, ${time}`
    },
    /** Date and time in full. */
    whole: (at: Moment): string => whole.format(at.epochMilliseconds)
  }
}
