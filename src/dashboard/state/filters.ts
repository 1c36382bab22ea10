/** The filters of a list as they stand in the address bar. What does not read there is left out. */
import { DateTime, Option, Schema } from "effect"
import { RowFilter, RowId } from "../../domain/Row.ts"

/** The query of an address. */
export type Query = { readonly [name: string]: string | undefined }

export const filterNames = ["state", "branch", "type", "reason", "text", "from", "to"] as const
export type FilterName = (typeof filterNames)[number]

const decodeOne = {
  state: Schema.decodeUnknownOption(Schema.Struct({ state: RowFilter.fields.state })),
  from: Schema.decodeUnknownOption(Schema.Struct({ from: RowFilter.fields.from })),
  to: Schema.decodeUnknownOption(Schema.Struct({ to: RowFilter.fields.to }))
}

const textOf = (query: Query, name: FilterName): { readonly [name: string]: string } => {
  const value = query[name]?.trim()
  return value ? { [name]: value } : {}
}

export const filterOf = (query: Query): RowFilter => ({
  ...Option.getOrElse(decodeOne.state(textOf(query, "state")), () => ({})),
  ...textOf(query, "branch"),
  ...textOf(query, "type"),
  ...textOf(query, "reason"),
  ...textOf(query, "text"),
  ...Option.getOrElse(decodeOne.from(textOf(query, "from")), () => ({})),
  ...Option.getOrElse(decodeOne.to(textOf(query, "to")), () => ({}))
})

/** The `before` of the address, where it is a row's number. */
export const beforeOf = (query: Query): { readonly before?: string } =>
  Schema.is(RowId)(query["before"]) ? { before: query["before"] } : {}

/** The query that shows these filters, without a page. */
export const queryOf = (rows: RowFilter): Query => ({
  ...rows,
  from: rows.from && DateTime.formatIso(rows.from),
  to: rows.to && DateTime.formatIso(rows.to)
})

/** An address with the query's set parts. */
export const address = (path: string, query: Query): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value)
  const text = search.toString()
  return text === "" ? path : `${path}?${text}`
}

/** What `<input type="datetime-local">` shows: the reader's own time. */
export const localTime = (at: string | undefined): string => {
  const moment = new Date(at ?? "")
  if (Number.isNaN(moment.getTime())) return ""
  const [year, ...others] = [
    moment.getFullYear(),
    moment.getMonth() + 1,
    moment.getDate(),
    moment.getHours(),
    moment.getMinutes()
  ]
  const [month, day, hours, minutes] = others.map((part) => String(part).padStart(2, "0"))
  return `${String(year).padStart(4, "0")}-${month}-${day}T${hours}:${minutes}`
}

export const isoTime = (local: string): string => {
  const moment = new Date(local)
  return Number.isNaN(moment.getTime()) ? "" : moment.toISOString()
}
