/** Which columns Jarvis never writes a null to, though they could take one. */
import type { Column } from "../catalog.ts"
import type { Comparison, Pair } from "./Comparison.ts"
import type { Level } from "./Finding.ts"

type Columns = { readonly [table: string]: ReadonlyArray<string> }

const record = ["rentprog_id", "branch", "fetched_at"]

/** Every row that Jarvis writes has a value there. */
const given: Columns = {
  history: ["created_at"],
  branches: ["code", "name"],
  cars: record,
  clients: record,
  bookings: record,
  payments: ["rentprog_id"],
  maintenance: ["rentprog_id"],
  entity_timeline: ["entity_type", "entity_id", "source", "source_id", "operation"]
}

/** Jarvis writes a value there, or leaves the column to its default. */
const leftToDefault: Columns = {
  events: ["ts", "payload", "metadata"],
  history: ["ts", "raw_data"]
}

const isIn = (columns: Columns, { is }: Pair, { name }: Column): boolean =>
  columns[is.name]?.includes(name) ?? false

/** Payments and maintenance jobs come to be with a number and a branch; what else is known of them follows. */
const isLeftOut = ({ is }: Pair, { name }: Column): boolean =>
  is.name === "payments" || is.name === "maintenance"
    ? name !== "branch"
    : ["created_at", "updated_at", "deleted_at", "field_times"].includes(name)

/** How bad it is that a column takes no null; null where Jarvis gives it none. */
export const nullLevel = ({ brings }: Comparison, pair: Pair, is: Column, must: Column): Level | null => {
  const name = `${pair.is.name}.${is.name}`
  if (!is.not_null || must.not_null || brings.nullable.has(name) || isIn(given, pair, is)) return null
  const isFilled = is.filled || brings.defaults.has(name)
  if (isFilled && isIn(leftToDefault, pair, is)) return null
  if (!pair.isMirror) return "fatal"
  // Without its default it has been found already.
  if (is.name === "created_at" || is.name === "updated_at") return null
  return !isFilled && isLeftOut(pair, is) ? "fatal" : "risk"
}
