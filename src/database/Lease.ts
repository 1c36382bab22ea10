/**
 * Which processes may work on a database: one alone, or those of a cluster together. All others stand by.
 *
 * The table `jarvis_lease` has one row: whose turn it is, and until when. Whoever has the turn renews it every second, for 8 s.
 * Another takes it once that time is over, or once the holder's session in PostgreSQL has ended, as it does when a process dies.
 * A process that was frozen finds by its own monotonic clock that its time may be over, and does nothing until it has asked.
 * Times of the table are PostgreSQL's; those of a process are durations.
 *
 * The table `jarvis_processes` has a row for each process, which the same statement keeps: `id`, `host`, `pid`, `started_at`;
 * `seen_at`, written every second (not seen for 5 s: gone or frozen); `role` (`working` alone, `sharing`, `standing by`); `address`
 * (of a cluster, else null); `branches` (codes that it works for now); `listens` (it has the EventProcessor); `worked_at` (when it
 * was last allowed to call RentProg); `ended_at` (told to stop, and done).
 */
import { hostname } from "node:os"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Clock, Context, Deferred, Duration, Effect, Exit, Layer, Option, Queue, Schedule, Schema, Scope } from "effect"
import type { SqlError } from "effect/sql"
import { sayWhy } from "./Database.ts"
import type { SchemaName } from "./SchemaName.ts"
import { quoted } from "./sqlFiles.ts"
import { within } from "./within.ts"

/** How long a turn holds without being renewed, in seconds. */
const term = 8

/** How long after it was asked for it is counted on, which leaves a second for a call to go out. In nanoseconds. */
const safe = BigInt(term - 1) * 1_000_000_000n

/** How often a turn is renewed, and asked for. */
const renews = "1 second"
const asks = "500 millis"

/** Longer than this after its last call, nothing that a process spent counts any more: RentProg counts by the minute. */
const forgotten = 60 + term

/** What a process tells of itself. */
export interface Told {
  /** The branches that it works for. */
  readonly branches: ReadonlyArray<string>
  /** It has the EventProcessor. */
  readonly listens: boolean
}

export class Lease extends Context.Service<
  Lease,
  {
    /** Which turn it is, where this process may work, as far as it knows; undefined where another may. */
    readonly turn: Effect.Effect<number | undefined>
    /** Whether the turn is surely not over at this moment. */
    readonly isSure: Effect.Effect<boolean>
    /** Whether another process may have called RentProg within the last minute. True where nobody can say. */
    readonly isCrowded: Effect.Effect<boolean>
    /** The addresses of processes that have died without a word are not among these. None where nobody can say. */
    readonly addresses: Effect.Effect<Option.Option<ReadonlySet<string>>>
    /** Whether this process has a session of its own in PostgreSQL: through a pooler it has none. */
    readonly hasSession: Effect.Effect<boolean>
    /** From now on this is told of the process. */
    readonly tell: (told: Told) => Effect.Effect<void>
  }
>()("jarvis/database/Lease") {
  /** `address`: where the others of the cluster reach this process, which shares the work then. */
  static readonly layer = (
    schema: SchemaName,
    address: Option.Option<string>
  ): Layer.Layer<Lease, never, PgClient.PgClient> => Layer.effect(Lease, make(schema, address))
}

const Beat = Schema.Array(Schema.Struct({ turn: Schema.NullOr(Schema.Int), session: Schema.Int }))
const decodeBeat = Schema.decodeUnknownEffect(Beat)

const make = Effect.fnUntraced(function* (schema: SchemaName, address: Option.Option<string>) {
  const sql = yield* PgClient.PgClient
  const lease = sql.literal(`${quoted(schema)}.jarvis_lease`)
  const processes = sql.literal(`${quoted(schema)}.jarvis_processes`)
  const role = Option.isSome(address) ? "sharing" : "working"
  const isSharing = Option.isSome(address)

  const [own] = yield* sql<{ readonly id: number }>`
    WITH gone AS (DELETE FROM ${processes} AS gone WHERE gone.seen_at < now() - interval '1 day')
    INSERT INTO ${processes} (host, pid, address, role)
    VALUES (${hostname()}, ${process.pid}, ${Option.getOrNull(address)}, 'standing by')
    RETURNING id
  `
  throw 0
})
