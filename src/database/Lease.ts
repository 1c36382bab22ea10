/**
 * Which processes may work on a database: one alone, or those of a cluster together. All others stand by.
 *
 * The table `jarvis_lease` has one row: whose turn it is, and until when. Whoever has the turn renews it every second, for 8 s.
 * Another takes it once that time is over, or once the holder's session in PostgreSQL has ended, as it does when a process dies.
 * A process that was frozen finds by its own monotonic clock that its time may be over, and does nothing until it has asked.
 * Times of the table are PostgreSQL's; those of a process are durations.
 *
 * The table `jarvis_processes` has a row for each process, which the same statement keeps: `seen_at`, written every second (not
 * seen for 5 s: gone or frozen); `role` (`working` alone, `sharing`, `standing by`); `worked_at` (when it was last allowed to
 * call RentProg); `ended_at` (told to stop, and done).
 */
import { hostname } from "node:os"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Clock, Context, Deferred, Duration, Effect, Layer, Option, Queue, Schema, Scope } from "effect"
import { sayWhy } from "./Database.ts"
import { isOfTheConnection } from "./refusal.ts"
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

export class Lease extends Context.Service<
  Lease,
  {
    /** Of this process in the table `jarvis_processes`. */
    readonly id: number
    /** Which turn it is, where this process may work, as far as it knows; undefined where another may. */
    readonly turn: Effect.Effect<number | undefined>
    /** Whether the turn is surely not over at this moment. */
    readonly isSure: Effect.Effect<boolean>
    /** Whether another process may have called RentProg within the last minute. True where nobody can say. */
    readonly isCrowded: Effect.Effect<boolean>
    /** Whether another process works at the moment. False where nobody can say. */
    readonly isDoneElsewhere: Effect.Effect<boolean>
    /** The addresses of the cluster, without those of processes that have died. None where nobody can say. */
    readonly addresses: Effect.Effect<Option.Option<ReadonlySet<string>>>
    /** Whether this process has a session of its own in PostgreSQL: through a pooler it has none. */
    readonly hasSession: Effect.Effect<boolean>
  }
>()("jarvis/database/Lease") {
  /** `address`: where the others of the cluster reach this process, which shares the work then. */
  static readonly layer = (
    schema: SchemaName,
    address: Option.Option<string>
  ): Layer.Layer<Lease, never, PgClient.PgClient> => Layer.effect(Lease, make(schema, address))
}

const Rows = Schema.Array(Schema.Struct({ turn: Schema.NullOr(Schema.Int) }))
const decodeRows = Schema.decodeUnknownEffect(Rows)

/** A turn, and when it was asked for, by the monotonic clock. */
interface Held {
  readonly turn: number
  readonly askedAt: bigint
}

const make = Effect.fnUntraced(function* (schema: SchemaName, address: Option.Option<string>) {
  const sql = yield* PgClient.PgClient
  const leaseTable = `${quoted(schema)}.jarvis_lease`
  const processTable = `${quoted(schema)}.jarvis_processes`
  const leases = sql.literal(leaseTable)
  const processes = sql.literal(processTable)
  const role = Option.isSome(address) ? "sharing" : "working"

  const [row] = yield* Effect.orDie(sql<{ readonly id: number }>`
    WITH gone AS (DELETE FROM ${processes} AS gone WHERE gone.seen_at < now() - interval '1 day')
    INSERT INTO ${processes} AS own (host, pid, address, role)
    VALUES (${hostname()}, ${process.pid}, ${Option.getOrNull(address)}, 'standing by')
    RETURNING own.id
  `)
  if (row === undefined) return yield* Effect.die("a process was not written down")
  const { id } = row
  const holder = Option.isSome(address) ? "cluster" : String(id)

  let held: Held | undefined
  let session: number | null = null
  const answered = Deferred.makeUnsafe<void>()

  const beat = `
    WITH taken AS (
      INSERT INTO ${leaseTable} AS lease (id, holder, until)
      VALUES (1, $1::text, now() + interval '${term} seconds')
      ON CONFLICT (id) DO UPDATE
      SET holder = excluded.holder, until = excluded.until,
        turn = lease.turn + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END
      WHERE lease.holder = excluded.holder OR lease.until < now()
        OR EXISTS (
          SELECT FROM ${processTable} AS last
          WHERE last.id::text = lease.holder
            AND last.session NOT IN (SELECT pg_stat_activity.pid FROM pg_stat_activity)
        )
      RETURNING lease.turn
    ), said AS (
      UPDATE ${processTable} AS own
      SET seen_at = now(), session = $3::int,
        role = CASE WHEN EXISTS (SELECT FROM taken) THEN '${role}' ELSE 'standing by' END,
        worked_at = CASE WHEN EXISTS (SELECT FROM taken) THEN now() ELSE own.worked_at END
      WHERE own.id = $2::int
    )
    SELECT (SELECT taken.turn FROM taken) AS turn
  `

  /** Who has the turn, for people. */
  const other = sql<{ readonly who: string }>`
    SELECT coalesce('process ' || last.pid || ' on ' || last.host, 'a cluster') AS who
    FROM ${leases} AS lease LEFT JOIN ${processes} AS last ON last.id::text = lease.holder
  `.pipe(
    Effect.map(([first]) => first?.who ?? "another process"),
    Effect.orElseSucceed(() => "another process")
  )

  const change = Effect.fnUntraced(function* (next: Held | undefined) {
    const before = held
    const isFirst = !Deferred.isDoneUnsafe(answered)
    held = next
    if (next === undefined && (before !== undefined || isFirst)) {
      yield* Effect.logInfo(`stands by, because ${yield* other} works: takes webhooks and serves the page`)
    }
    if (next !== undefined && before === undefined && !isFirst) {
      yield* Effect.logInfo("takes over: whoever worked is gone")
    }
    yield* Deferred.succeed(answered, undefined)
  })

  const ask = Effect.fnUntraced(function* (connection: PgConnection.PgConnection) {
    const askedAt = yield* Clock.monotonicTimeNanos
    const { rows } = yield* connection.query(beat, [holder, id, session])
    const [answer] = yield* Effect.orDie(decodeRows(rows))
    const turn = answer?.turn ?? null
    yield* change(turn === null ? undefined : { turn, askedAt })
  })

  const live = Effect.gen(function* () {
    const connection = yield* PgConnection.make(sql.config)
    const pinned = yield* connection.pin
    // Nobody notifies here: that the session has ended is known at once.
    const silence = yield* pinned.listen("jarvis_lease")
    const [first] = (yield* pinned.query("SELECT pg_backend_pid() AS pid")).rows
    session = first?.pid === connection.processId ? connection.processId : null
    const beats = ask(pinned).pipe(
      within(Duration.seconds(term)),
      Effect.catchTag("SqlError", (error) =>
        isOfTheConnection(error)
          ? Effect.fail(error)
          : Effect.logWarning(`the turn could not be asked for: ${sayWhy(error)}`)
      ),
      Effect.andThen(Effect.suspend(() => Effect.sleep(held === undefined ? asks : renews))),
      Effect.forever
    )
    return yield* Effect.raceFirst(beats, Effect.forever(Queue.take(silence)))
  })

  /** What it knows is sure no more when its session ends. One that does not end when it is told to is not waited for. */
  const once = Effect.gen(function* () {
    const scope = yield* Scope.make()
    return yield* live.pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => {
        if (held !== undefined) held = { ...held, askedAt: 0n }
        return Effect.forkDetach(Scope.close(scope, exit))
      })
    )
  })

  const release = Effect.andThen(
    sql`UPDATE ${leases} AS lease SET until = now() WHERE lease.holder = ${String(id)}`,
    sql`UPDATE ${processes} AS own SET ended_at = now() WHERE own.id = ${id}`
  ).pipe(within(Duration.seconds(2)), Effect.ignore)

  yield* Effect.addFinalizer(() => release)
  yield* once.pipe(
    Effect.catch((error) =>
      Effect.logDebug(
        `the session of the turn has ended: ${error._tag === "SqlError" ? sayWhy(error) : error.detail}`
      )
    ),
    Effect.andThen(Effect.sleep("250 millis")),
    Effect.forever,
    Effect.withTracerEnabled(false),
    Effect.forkScoped
  )
  yield* Deferred.await(answered)

  return Lease.of({
    id,
    turn: Effect.sync(() => held?.turn),
    isSure: Effect.map(Clock.monotonicTimeNanos, (now) => held !== undefined && now - held.askedAt < safe),
    isCrowded: sql<{ readonly crowded: boolean }>`
      SELECT EXISTS (
        SELECT FROM ${processes} AS other
        WHERE other.id <> ${id} AND other.worked_at > now() - interval '${sql.literal(String(forgotten))} seconds'
      ) AS crowded
    `.pipe(
      Effect.map(([first]) => first?.crowded ?? true),
      Effect.orElseSucceed(() => true)
    ),
    addresses: sql<{ readonly address: string }>`
      SELECT other.address FROM ${processes} AS other
      WHERE other.address IS NOT NULL AND other.ended_at IS NULL
        AND (other.id = ${id} OR other.session IS NULL OR other.session IN (SELECT pg_stat_activity.pid FROM pg_stat_activity))
    `.pipe(
      Effect.map((rows) => new Set(rows.map(({ address }) => address))),
      Effect.option
    ),
    isDoneElsewhere: sql<{ readonly elsewhere: boolean }>`
      SELECT EXISTS (
        SELECT FROM ${processes} AS other
        WHERE other.id <> ${id} AND other.role <> 'standing by' AND other.ended_at IS NULL
          AND other.seen_at > now() - interval '5 seconds'
      ) AS elsewhere
    `.pipe(
      Effect.map(([first]) => first?.elsewhere ?? false),
      Effect.orElseSucceed(() => false)
    ),
    hasSession: Effect.sync(() => session !== null)
  })
})
