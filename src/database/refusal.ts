/** Why a row was not written: what passes by itself, and what the row is to blame for. */
import { Predicate, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { sayWhy } from "./Database.ts"

/** A statement went well, and the row is as it was. */
export class Suppressed extends Schema.TaggedError<Suppressed>()("Suppressed", {}) {
  override get message(): string {
    return "the update has no effect: a trigger or a policy of the table suppresses it"
  }
}

export type Fault = SqlError.SqlError | Suppressed

const said = ({ reason: { cause } }: SqlError.SqlError, field: string): string =>
  Predicate.isObject(cause) && field in cause ? String(Reflect.get(cause, field)) : ""

/** No connection, one that was lost, or a server that stops. What PostgreSQL itself says has a severity. */
export const isOfTheConnection = (fault: Fault): boolean =>
  fault._tag === "SqlError" &&
  (!Predicate.hasProperty(fault.reason.cause, "severity") || /^(08|28|3D|57P)/.test(said(fault, "code")))

/** The server only reads, its disk is full or fails. Whatever else is said of one row, a right or a lock, is no news of it. */
export const isOfTheServer = (fault: Fault): boolean =>
  fault._tag === "SqlError" && /^(25006|53100|58)/.test(said(fault, "code"))

/**
 * Whether it may go well the next time with the same row: besides the connection, transactions that collide, locks, a
 * server that only reads, no room, a time limit, a disk that fails. Whatever else PostgreSQL says of one row, it says again.
 */
export const isPassing = (fault: Fault): boolean =>
  isOfTheConnection(fault) ||
  (fault._tag === "SqlError" && /^(25006|40|53|55P03|57|58)/.test(said(fault, "code")))

/** For the row itself, and whoever may read it. */
export const sayFault = (fault: Fault): string => (fault._tag === "SqlError" ? sayWhy(fault) : fault.message)

/**
 * The same without anything that stands in the row: PostgreSQL's own message where that names no more than columns, types
 * and constraints, and the function that it came from. What a function raises may quote whatever its author wished, and so
 * may a statement that it made up.
 */
export const sayRefusal = (fault: Fault): string => {
  if (fault._tag === "Suppressed") return fault.message
  const isRaised = said(fault, "routine") === "exec_stmt_raise"
  if (isOfTheConnection(fault) && !isRaised) return sayWhy(fault)
  const code = said(fault, "code")
  const [within] = /^PL\/.*$/m.exec(said(fault, "where")) ?? []
  const namesNoValue =
    (/^(23|22001)/.test(code) && !isRaised) || (code.startsWith("42") && within === undefined)
  return `${namesNoValue ? sayWhy(fault) : "an error"} (${code})${within === undefined ? "" : ` in ${within}`}`
}
