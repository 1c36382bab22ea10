/** Which types serve where Jarvis expects another. */
import type { Column } from "../catalog.ts"
import type { Level } from "./Finding.ts"

/** How a type serves: at which price. */
export interface Fit {
  readonly level: Level
  readonly but: string
}

/** It does not serve at all. */
export const unfit: Fit = { level: "fatal", but: "" }

const risk = (but: string): Fit => ({ level: "risk", but })
const harmless = (but: string): Fit => ({ level: "harmless", but })

/** What it is called, and what stands in its parentheses: `timestamp(3) with time zone`. An extension may live anywhere. */
const parse = (type: string) => {
  const [, before = type, size, after = ""] = /^([^()]+)\(([\d,]+)\)(.*)$/.exec(type) ?? []
  return { name: (before + after).replace(/^.+\.(?=citext$)/, ""), size }
}

type Rule = (size: string | undefined) => Fit | null

/** Expected type → the others that serve in its place. A size that is not said limits nothing. */
const rules: { readonly [expected: string]: { readonly [name: string]: Rule } } = {
  text: {
    "character varying": (size) =>
      size === undefined ? null : risk(`values longer than ${size} characters are refused`),
    citext: () => risk("values are compared without regard to case")
  },
  bigint: { integer: () => harmless("numbers end at 2147483647") },
  integer: { bigint: () => null, smallint: () => risk("numbers above 32767 are refused") },
  numeric: {
    numeric: (size) => (size === undefined ? null : risk("longer numbers are rounded or refused")),
    bigint: () => risk("numbers are rounded to whole ones"),
    integer: () => risk("numbers are rounded to whole ones, and end at 2147483647"),
    "double precision": () => risk("numbers are rounded to 15 digits"),
    real: () => risk("numbers are rounded to 6 digits")
  },
  "timestamp with time zone": {
    "timestamp with time zone": (size) => {
      if (size === undefined || size === "6") return null
      return Number(size) < 3
        ? risk("times are rounded, and what comes within a moment counts as one")
        : harmless(`times are rounded to ${size} decimals of a second`)
    }
  }
}

/** How a column serves where another type is expected; null where there is nothing to say. */
export const fitness = (is: Column, must: Column): Fit | null => {
  if (is.type === must.type) return null
  const { name, size } = parse(is.type)
  const rule = rules[must.type]?.[name]
  if (rule !== undefined) return rule(size)
  // Functions look at a column's own type; a domain over text is still read as text.
  if (must.type === "text" && /^(text|character varying)/.test(is.domain_of ?? ""))
    return risk("what the domain does not allow is refused")
  return unfit
}

const numbers = /^(smallint|integer|bigint|numeric|real|double precision)/
const strings = /^(text|character)/

/** An expression that makes the expected type of the column, where there is one. */
export const conversion = (column: string, is: string, must: string): string | null => {
  if (must === "text") return `${column}::text`
  if (must === "timestamp with time zone" && /^(timestamp|date)/.test(is))
    return `${column} AT TIME ZONE 'Asia/Tbilisi'`
  if (strings.test(is) || (must === "jsonb" && is === "json") || (numbers.test(must) && numbers.test(is)))
    return `${column}::${must}`
  return null
}
