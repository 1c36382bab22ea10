/**
 * Why a row is not done: the one list of reasons, the errors behind them, and what each means for the next try.
 *
 * The same list stands in SQL, in the table `reasons`; a test holds the two together.
 */
import { Duration, Effect, Random, Schema } from "effect"

/**
 * How many attempts a reason is worth before the row is parked for a person: 0 parks at once, Infinity never. The last four
 * are of rows that are done.
 */
export const reasons = {
  missing_ext_id: 0,
  unknown_event_type: 0,
  unknown_branch: 0,
  invalid_payload: 0,
  rentprog_not_found: 5,
  rentprog_unauthorized: 20,
  rentprog_rate_limited: 20,
  rentprog_timeout: 20,
  rentprog_unavailable: 20,
  rentprog_bad_response: 20,
  missing_dependency: 20,
  database_error: 20,
  internal_error: 20,
  empty_description: 0,
  unparsed_description: 0,
  entity_not_found: Number.POSITIVE_INFINITY,
  apply_failed: 20,
  discarded: 0,
  superseded: 0,
  deleted_recently: 0,
  not_about_records: 0
} as const

export type ReasonCode = keyof typeof reasons

/** What was wrong, where, and what to do: the error's message, too. */
const detail = { detail: Schema.String }

/** RentProg answered 404 on both addresses: gone, of another branch, or not yet on RentProg's own replicas. */
export class RentProgNotFound extends Schema.TaggedError<RentProgNotFound>()("RentProgNotFound", detail) {
  override get message(): string {
    return this.detail
  }
}

/** No token is set for the branch, or RentProg refuses it (401, 403). */
export class RentProgUnauthorized extends Schema.TaggedError<RentProgUnauthorized>()(
  "RentProgUnauthorized",
  detail
) {
  override get message(): string {
    return this.detail
  }
}

/** RentProg still answered 429 after its Retry-After had been waited for. */
export class RentProgRateLimited extends Schema.TaggedError<RentProgRateLimited>()(
  "RentProgRateLimited",
  detail
) {
  override get message(): string {
    return this.detail
  }
}

/** RentProg gave no whole answer in time. */
export class RentProgTimeout extends Schema.TaggedError<RentProgTimeout>()("RentProgTimeout", detail) {
  override get message(): string {
    return this.detail
  }
}

/** RentProg answered 5xx, broke the connection, or has done so until the circuit opened. */
export class RentProgUnavailable extends Schema.TaggedError<RentProgUnavailable>()(
  "RentProgUnavailable",
  detail
) {
  override get message(): string {
    return this.detail
  }
}

/** RentProg answered, but not what its API promises: broken JSON, a record without id, a 422. */
export class RentProgBadResponse extends Schema.TaggedError<RentProgBadResponse>()(
  "RentProgBadResponse",
  detail
) {
  override get message(): string {
    return this.detail
  }
}

export type RentProgError =
  | RentProgNotFound
  | RentProgUnauthorized
  | RentProgRateLimited
  | RentProgTimeout
  | RentProgUnavailable
  | RentProgBadResponse

/** A booking's car or client is not in the mirror and could not be fetched. */
export class MissingDependency extends Schema.TaggedError<MissingDependency>()("MissingDependency", detail) {
  override get message(): string {
    return this.detail
  }
}

/** PostgreSQL refused a statement that should have worked. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  ...detail,
  /** The same for whoever may ask how the service is: it quotes nothing that stands in a row. */
  told: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return this.detail
  }
}

/** A defect of Jarvis itself, met while handling the row. */
export class InternalError extends Schema.TaggedError<InternalError>()("InternalError", detail) {
  override get message(): string {
    return this.detail
  }
}

/** Everything that can keep an event from being done. */
export type EventError = RentProgError | MissingDependency | DatabaseError | InternalError

/** The code of each error. An error without a line here does not compile. */
const codes: { readonly [Tag in EventError["_tag"]]: ReasonCode } = {
  RentProgNotFound: "rentprog_not_found",
  RentProgUnauthorized: "rentprog_unauthorized",
  RentProgRateLimited: "rentprog_rate_limited",
  RentProgTimeout: "rentprog_timeout",
  RentProgUnavailable: "rentprog_unavailable",
  RentProgBadResponse: "rentprog_bad_response",
  MissingDependency: "missing_dependency",
  DatabaseError: "database_error",
  InternalError: "internal_error"
}

export const codeOf = (error: EventError): ReasonCode => codes[error._tag]

const isCode = (text: string): text is ReasonCode => Object.hasOwn(reasons, text)

/** The code of a `reason` as it stands in a table; null where there is none. */
export const codeOfText = (reason: string | null): ReasonCode | null => {
  const code = reason?.split(":", 1)[0] ?? ""
  return isCode(code) ? code : null
}

/** Longest `reason` stored, in characters: enough to act on, short enough to read in a list. */
export const longestReason = 500

const sayReason = (code: ReasonCode, detail: string): string => `${code}: ${detail}`.slice(0, longestReason)

/** `code: detail`, as it stands in the column `reason`. */
export const reasonText = (error: EventError): string => sayReason(codeOf(error), error.detail)

/** The same for an event whose branch RentProg was asked for. */
export const unknownBranch = (detail: string): string => sayReason("unknown_branch", detail)

/**
 * How long a row waits after its `attempts`-th attempt (from 1) failed: from 30 s, doubling, to 1 h, with 20 %
 * of jitter either way so that rows which failed together do not come back together.
 */
export const backoff = (attempts: number): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (random) => {
    const seconds = Math.min(30 * 2 ** (attempts - 1), 3600)
    return Duration.millis(Math.round(seconds * 1000 * (0.8 + 0.4 * random)))
  })

/** Whether a row whose `attempts`-th attempt failed for `code` is parked: no further attempt is worth making. */
export const isSpent = (code: ReasonCode, attempts: number): boolean => attempts >= reasons[code]

/**
 * What of a `reason` may be logged. The details of RentProg's errors are our own words; any other may quote the row, and
 * with it a person's name or number.
 */
export const loggableReason = (reason: string): string =>
  /^(rentprog_|missing_dependency)/.test(reason) ? reason : (reason.split(":", 1)[0] ?? "")
