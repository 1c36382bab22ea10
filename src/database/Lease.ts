/**
 * Which processes may work on a database: one alone, or those of a cluster together. All others stand by.
 *
 * The table `jarvis_lease` has one row: whose turn it is, and until when. Whoever has the turn renews it every second, for 8 s.
 * Another takes it once that time is over, or once the holder's session in PostgreSQL has ended, as it does when a process dies.
 * After a restart of the server, or on another one, sessions say nothing: whoever had the turn may not know yet.
 * A process that was frozen finds by its own clocks that its time may be over, and does nothing until it has asked.
 * Times of the table are PostgreSQL's; those of a process are durations.
 *
 * Versions that know no lease work whenever they run. While one listens, nobody takes a turn.
 *
 * The table `jarvis_processes` has a row for each process, which the same statement keeps: `seen_at`, written every second (not
 * seen for 5 s: gone or frozen); `role` (`working` alone, `sharing`, `standing by`); `worked_at` (when it was last allowed to
 * call RentProg); `ended_at` (told to stop, and done).
 */
import { hostname } from "node:os"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Context, Deferred, Duration, Effect, Layer, Option, Queue, Schema, Scope } from "effect"
import { between, type Moment, moment } from "../moment.ts"
import { nameWithoutLease, sayWhy } from "./Database.ts"
import { isOfTheConnection } from "./refusal.ts"
import type { SchemaName } from "./SchemaName.ts"
import { channelPrefix, quoted } from "./sqlFiles.ts"
import { within } from "./within.ts"

/** How long a turn holds without being renewed, in seconds. */
const term = 8

/** How long after it was asked for it is counted on, in milliseconds: a second is left for a call to go out. */
const safe = (term - 1) * 1000

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
    /** Whether the turn is surely not over at this moment, and what was known then, of other sessions than its own, holds. */
    readonly isSure: (known: Moment) => Effect.Effect<boolean>
    /** Whether another process may have called RentProg within the last minute. True where nobody can say. */
    readonly isCrowded: Effect.Effect<boolean>
    /** Whether another process works at the moment. False where nobody can say. */
    readonly isDoneElsewhere: Effect.Effect<boolean>
    /** The addresses of the cluster, without those of processes that have died. None where nobody can say. */
    readonly addresses: Effect.Effect<Option.Option<ReadonlySet<string>>>
    /** Another process that lives and has the same address: each would send itself what is the other's. */
    readonly namesake: Effect.Effect<Option.Option<string>>
    /** Whether this process has a session of its own in PostgreSQL: through a pooler it has none. */
    readonly hasSession: Effect.Effect<boolean>
  }
>()("jarvis/database/Lease") {
  static readonly layer = (
    schema: SchemaName,
    membership: Option.Option<Membership>
  ): Layer.Layer<Lease, never, PgClient.PgClient> => Layer.effect(Lease, make(schema, membership))
}

/** Of a cluster, which shares the work. */
export interface Membership {
  /** Where the others reach this process. */
  readonly address: string
  /** What its processes say to each other. Those that say other things are another cluster. */
  readonly protocol: number
}

const Rows = Schema.Array(Schema.Struct({ turn: Schema.NullOr(Schema.Int) }))
const decodeRows = Schema.decodeUnknownEffect(Rows)

/** A turn, and when it was asked for. */
interface Held {
  readonly turn: number
  readonly askedAt: Moment
}

const make = Effect.fnUntraced(function* (schema: SchemaName, membership: Option.Option<Membership>) {
  const address = Option.map(membership, (own) => own.address)
  const sql = yield* PgClient.PgClient
  const leaseTable = `${quoted(schema)}.jarvis_lease`
  const processTable = `${quoted(schema)}.jarvis_processes`
  const leases = sql.literal(leaseTable)
  const processes = sql.literal(processTable)
  const role = Option.isSome(address) ? "sharing" : "working"

  const self = [hostname(), process.pid, Option.getOrNull(address)] as const
  const [row] = yield* Effect.orDie(sql<{ readonly id: number }>`
    WITH gone AS (DELETE FROM ${processes} AS gone WHERE gone.seen_at < now() - interval '1 day')
    INSERT INTO ${processes} AS own (host, pid, address, role)
    VALUES (${self[0]}, ${self[1]}, ${self[2]}, 'standing by')
    RETURNING own.id
  `)
  if (row === undefined) return yield* Effect.die("a process was not written down")
  const { id } = row
  const holder = Option.match(membership, {
    onNone: () => String(id),
    onSome: ({ protocol }) => `cluster ${protocol}`
  })

  let held: Held | undefined
  let session: number | null = null
  /** Since when it has a session. */
  let since: Moment | undefined
  const answered = Deferred.makeUnsafe<void>()

  /** Whether a version without a lease works: it listens to what the log's trigger notifies, and never rests from it. */
  const isOlder = `
    EXISTS (
      SELECT FROM pg_stat_activity AS older
      WHERE older.datname = current_database() AND older.application_name = '${nameWithoutLease}'
        AND older.query = 'LISTEN "${channelPrefix(schema)}history_item_processed"'
    )
  `

  /** The process's row is gone where it was frozen for a day. */
  const beat = `
    WITH taken AS (
      INSERT INTO ${leaseTable} AS lease (id, holder, until, session, server)
      SELECT 1, $1::text, now() + interval '${term} seconds', $3::int, pg_postmaster_start_time()
      WHERE NOT ${isOlder}
      ON CONFLICT (id) DO UPDATE
      SET holder = excluded.holder, until = excluded.until, session = excluded.session, server = excluded.server,
        turn = lease.turn + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END
      WHERE lease.holder = excluded.holder OR lease.until < now()
        OR (
          lease.server = excluded.server
          AND lease.session NOT IN (SELECT pg_stat_activity.pid FROM pg_stat_activity)
        )
      RETURNING lease.turn
    ), said AS (
      INSERT INTO ${processTable} AS own (id, host, pid, address, session, server, role, worked_at)
      SELECT $2::int, $5::text, $6::int, $7::text, $4::int, pg_postmaster_start_time(),
        CASE WHEN asked.works THEN '${role}' ELSE 'standing by' END, CASE WHEN asked.works THEN now() END
      FROM (SELECT EXISTS (SELECT FROM taken) AS works) AS asked
      ON CONFLICT (id) DO UPDATE
      SET seen_at = now(), session = excluded.session, server = excluded.server, role = excluded.role,
        worked_at = coalesce(excluded.worked_at, own.worked_at)
    )
    SELECT (SELECT taken.turn FROM taken) AS turn
  `

  /** Who has the turn, for people. */
  const aCluster = Option.isSome(membership) ? "a cluster of another version" : "a cluster"
  const other = sql<{ readonly who: string | null }>`
    SELECT CASE
      WHEN ${sql.literal(isOlder)} THEN 'an older version, which has to be stopped,'
      ELSE (
        SELECT coalesce('process ' || last.pid || ' on ' || last.host, ${aCluster})
        FROM ${leases} AS lease LEFT JOIN ${processes} AS last ON last.id::text = lease.holder
      )
    END AS who
  `.pipe(
    Effect.map(([first]) => first?.who ?? "another process"),
    Effect.orElseSucceed(() => "another process")
  )

  /** Whether another process has not died: after a restart of the server nobody can say. */
  const lives = `(
    other.server <> pg_postmaster_start_time()
    OR other.session IN (SELECT pg_stat_activity.pid FROM pg_stat_activity)
  )`

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
    const askedAt = yield* moment
    // A cluster's turn is not bound to the session of one.
    const bound = Option.isSome(membership) ? null : session
    const { rows } = yield* connection.query(beat, [holder, id, bound, session, ...self])
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
    since = yield* moment
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
        since = undefined
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
    isSure: (known) =>
      Effect.map(moment, (now) => {
        if (held === undefined || since === undefined) return false
        const began = since.nanos
        return [held.askedAt, known].every((then) => then.nanos >= began && between(then, now) < safe)
      }),
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
      WHERE other.address IS NOT NULL AND other.ended_at IS NULL AND other.role = 'sharing' AND ${sql.literal(lives)}
    `.pipe(
      Effect.map((rows) => new Set([...Option.toArray(address), ...rows.map((other) => other.address)])),
      Effect.option
    ),
    namesake: sql<{ readonly who: string }>`
      SELECT 'process ' || other.pid || ' on ' || other.host AS who FROM ${processes} AS other
      WHERE other.id < ${id} AND other.address = ${Option.getOrNull(address)} AND other.ended_at IS NULL
        AND other.seen_at > now() - interval '5 seconds' AND ${sql.literal(lives)}
      LIMIT 1
    `.pipe(
      Effect.map(([other]) => Option.fromNullishOr(other?.who)),
      Effect.orDie
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
