import { Effect, Predicate, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { sayWhy } from "./Database.ts"

/** PostgreSQL gave a person no answer. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  /** It cannot be reached, a row is held by another session, the search takes too long, or it says no. */
  why: Schema.Literals(["away", "locked", "too slow", "refused"]),
  /** What it said. For the log alone. */
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** PostgreSQL starts, stops, has been stopped, takes no connections, or has none to spare. */
const isAway = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && /^(53300|55000|57P0)/.test(String(cause.code))

const why = ({ _tag, cause }: SqlError.SqlErrorReason): Unanswered["why"] => {
  switch (_tag) {
    case "ConnectionError":
    case "AuthenticationError":
      return "away"
    case "LockTimeoutError":
    case "DeadlockError":
      return "locked"
    case "StatementTimeoutError":
      return "too slow"
    default:
      return isAway(cause) ? "away" : "refused"
  }
}

export const unanswered = (error: SqlError.SqlError): Unanswered =>
  new Unanswered({ why: why(error.reason), detail: sayWhy(error) })

export const asUnanswered = Effect.mapError(unanswered)
