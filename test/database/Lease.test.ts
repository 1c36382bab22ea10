/** Whose turn it is, as several processes on one database see it. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { SqlRunnerStorage } from "effect/cluster"
import { Reactivity } from "effect/reactivity"
import { Lease } from "../../src/database/Lease.ts"
import { moment } from "../../src/moment.ts"
import { run } from "../support/refusing.ts"
import { channel, schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

/** A process with its lease, of a cluster where it has an address; it leaves when it is told to, or the test ends. */
const join = Effect.fnUntraced(function* (address?: string, protocol = 1) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const membership = Option.map(Option.fromNullishOr(address), (own) => ({ address: own, protocol }))
  const layer = Lease.layer(yield* schema, membership)
  const lease = Context.get(yield* Layer.buildWithScope(Layer.fresh(layer), scope), Lease)
  return {
    ...lease,
    /** Whether the turn is sure, and with it what is known by now. */
    isSureNow: Effect.flatMap(moment, lease.isSure),
    leave: Scope.close(scope, Exit.void)
  }
})

const turnComes = (lease: { readonly turn: Effect.Effect<number | undefined> }) =>
  until(lease.turn, (turn) => turn !== undefined)
const turnEnds = (lease: { readonly turn: Effect.Effect<number | undefined> }) =>
  until(lease.turn, (turn) => turn === undefined)

/** Ends the sessions that keep turns, as the death of their process does; whoever lives makes another. */
const endSessions = run(
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'jarvis_lease' AND pid <> pg_backend_pid()"
)

const rows = PgClient.PgClient.use(
  (sql) => sql`
    SELECT role, worked_at IS NOT NULL AS worked, ended_at IS NOT NULL AS ended
    FROM jarvis_processes ORDER BY id
  `
)

describe("the lease", () => {
  it.live("is the first one's until it leaves, and each holder has a turn of its own", () =>
    Effect.gen(function* () {
      const first = yield* join()
      assert.deepStrictEqual([yield* first.turn, yield* first.isSureNow], [1, true])
      const second = yield* join()
      assert.deepStrictEqual([yield* second.turn, yield* second.isSureNow], [undefined, false])
      assert.deepStrictEqual(yield* rows, [
        { role: "working", worked: true, ended: false },
        { role: "standing by", worked: false, ended: false }
      ])
      assert.isTrue(yield* second.isDoneElsewhere)
      assert.isFalse(yield* first.isDoneElsewhere)
      yield* first.leave
      assert.strictEqual(yield* turnComes(second), 2)
      assert.isFalse(yield* second.isDoneElsewhere)
      assert.isTrue(yield* second.isCrowded)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is shared by a cluster, and by nobody else", () =>
    Effect.gen(function* () {
      const one = yield* join("a:1")
      const other = yield* join("b:1")
      const alone = yield* join()
      assert.deepStrictEqual([yield* one.turn, yield* other.turn, yield* alone.turn], [1, 1, undefined])
      assert.deepStrictEqual(yield* one.addresses, Option.some(new Set(["a:1", "b:1"])))
      // It does not end with the session of one of them.
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* sql`SELECT session FROM jarvis_lease`, [{ session: null }])
      yield* other.leave
      assert.deepStrictEqual(yield* one.addresses, Option.some(new Set(["a:1"])))
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is of one cluster at a time: those that say other things to each other are another", () =>
    Effect.gen(function* () {
      const old = yield* join("a:1", 1)
      const next = yield* join("b:1", 2)
      assert.deepStrictEqual([yield* old.turn, yield* next.turn], [1, undefined])
      // No shard is given to one that stands by.
      assert.deepStrictEqual(yield* old.addresses, Option.some(new Set(["a:1"])))
      yield* old.leave
      yield* run("UPDATE jarvis_lease SET until = now() - interval '1 second'")
      assert.strictEqual(yield* turnComes(next), 2)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is nobody's while a version listens that knows of no lease", () =>
    Effect.gen(function* () {
      const { config } = yield* PgClient.PgClient
      const listens = yield* Scope.fork(yield* Effect.scope)
      const older = yield* PgClient.make({ ...config, applicationName: "jarvis" }).pipe(
        Effect.provide(Reactivity.layer),
        Scope.provide(listens)
      )
      yield* Scope.provide(older.listen(channel("history_item_processed")), listens)
      const next = yield* join()
      assert.isUndefined(yield* next.turn)
      yield* Scope.close(listens, Exit.void)
      assert.strictEqual(yield* turnComes(next), 1)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is not counted on from the moment on that its session ends, nor is what was known before", () =>
    Effect.gen(function* () {
      const first = yield* join()
      const before = yield* moment
      assert.isTrue(yield* first.isSure(before))
      const sql = yield* PgClient.PgClient
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* run("LOCK TABLE jarvis_lease")
          yield* endSessions
          yield* until(first.isSureNow, (sure) => !sure)
        })
      )
      // Nobody took it meanwhile: it is the same turn.
      yield* until(first.isSureNow, (sure) => sure)
      assert.isFalse(yield* first.isSure(before))
      assert.strictEqual(yield* first.turn, 1)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is taken when its time is over, and whoever had it finds that out", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const first = yield* join()
      yield* sql`UPDATE jarvis_lease SET holder = '0', until = now() + interval '1 hour', turn = 7`
      yield* turnEnds(first)
      yield* sql`UPDATE jarvis_lease SET until = now() - interval '1 second'`
      assert.strictEqual(yield* turnComes(first), 8)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is taken at once from a process that is dead, and the dead of a cluster have no address", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [dead] = yield* sql<{ readonly id: number }>`
        INSERT INTO jarvis_processes (host, pid, session, server, address, role)
        VALUES ('elsewhere', 1, 2147483647, pg_postmaster_start_time(), 'dead:1', 'sharing') RETURNING id
      `
      yield* sql`
        INSERT INTO jarvis_lease (id, holder, until, session, server)
        VALUES (1, ${String(dead?.id)}, now() + interval '1 hour', 2147483647, pg_postmaster_start_time())
      `
      const next = yield* join()
      assert.strictEqual(yield* turnComes(next), 2)
      assert.deepStrictEqual(yield* next.addresses, Option.some(new Set()))
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is left to whoever had it when the server was started again: it may not know yet", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO jarvis_processes (host, pid, session, server, address, role)
        VALUES ('elsewhere', 1, 2147483647, pg_postmaster_start_time() - interval '1 day', 'before:1', 'sharing')
      `
      yield* sql`
        INSERT INTO jarvis_lease (id, holder, until, session, server)
        VALUES (1, '0', now() + interval '1 hour', 2147483647, pg_postmaster_start_time() - interval '1 day')
      `
      const next = yield* join()
      assert.isUndefined(yield* next.turn)
      assert.deepStrictEqual(yield* next.addresses, Option.some(new Set(["before:1"])))
      yield* sql`UPDATE jarvis_lease SET until = now() - interval '1 second'`
      assert.strictEqual(yield* turnComes(next), 2)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("counts as crowded for a minute after somebody else has worked", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const own = yield* join()
      assert.isFalse(yield* own.isCrowded)
      yield* sql`
        INSERT INTO jarvis_processes (host, pid, role, worked_at, ended_at)
        VALUES ('elsewhere', 1, 'working', now() - interval '65 seconds', now())
      `
      assert.isTrue(yield* own.isCrowded)
      yield* sql`
        UPDATE jarvis_processes SET worked_at = now() - interval '70 seconds' WHERE jarvis_processes.host = 'elsewhere'
      `
      assert.isFalse(yield* own.isCrowded)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("writes its process down again where that was removed while it was frozen", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const own = yield* join("a:1")
      const ids = sql`SELECT id, address, role, worked_at IS NOT NULL AS worked FROM jarvis_processes`
      yield* sql`DELETE FROM jarvis_processes`
      const [again] = yield* until(ids, ({ length }) => length === 1)
      assert.deepStrictEqual(again, { id: own.id, address: "a:1", role: "sharing", worked: true })
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("tells the later of two processes that live and have one address", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO jarvis_processes (host, pid, session, server, address, role)
        VALUES ('elsewhere', 1, 2147483647, pg_postmaster_start_time(), 'a:1', 'sharing')
      `
      const first = yield* join("a:1")
      const other = yield* join("b:1")
      const second = yield* join("a:1")
      // The dead one has none, and whoever was there first stays.
      assert.deepStrictEqual([yield* first.namesake, yield* other.namesake], [Option.none(), Option.none()])
      assert.include(Option.getOrThrow(yield* second.namesake), `process ${process.pid} on `)
      yield* first.leave
      assert.deepStrictEqual(yield* second.namesake, Option.none())
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("has tables for the cluster's storage with the columns that Effect makes", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* Effect.scoped(Layer.build(SqlRunnerStorage.layerMigrations({ prefix: "made_by_effect" })))
      const columns = (prefix: string) => sql`
        SELECT substr(columns.table_name, ${prefix.length + 2}) AS "table", columns.column_name, columns.udt_name,
          columns.character_maximum_length, columns.is_nullable
        FROM information_schema.columns
        WHERE columns.table_schema = current_schema() AND columns.table_name IN (${`${prefix}_runners`}, ${`${prefix}_locks`})
        ORDER BY 1, 2
      `
      const made = yield* columns("made_by_effect")
      assert.lengthOf(made, 8)
      const own = yield* columns("jarvis_cluster")
      assert.deepStrictEqual(
        own.filter(({ column_name }) => made.some((other) => other["column_name"] === column_name)),
        made
      )
    }).pipe(Effect.provide(testDatabase))
  )
})
