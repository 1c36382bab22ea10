/** Whose turn it is, as several processes on one database see it. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { SqlRunnerStorage } from "effect/cluster"
import { Lease } from "../../src/database/Lease.ts"
import { run } from "../support/refusing.ts"
import { schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

/** A process with its lease; it leaves when it is told to, or the test ends. */
const join = Effect.fnUntraced(function* (address?: string) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Lease.layer(yield* schema, Option.fromNullishOr(address))
  const lease = Context.get(yield* Layer.buildWithScope(Layer.fresh(layer), scope), Lease)
  return { ...lease, leave: Scope.close(scope, Exit.void) }
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
      assert.deepStrictEqual([yield* first.turn, yield* first.isSure], [1, true])
      const second = yield* join()
      assert.deepStrictEqual([yield* second.turn, yield* second.isSure], [undefined, false])
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
      yield* other.leave
      assert.deepStrictEqual(yield* one.addresses, Option.some(new Set(["a:1"])))
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is not counted on from the moment on that its session ends", () =>
    Effect.gen(function* () {
      const first = yield* join()
      const sql = yield* PgClient.PgClient
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* run("LOCK TABLE jarvis_lease")
          yield* endSessions
          yield* until(first.isSure, (sure) => !sure)
        })
      )
      // Nobody took it meanwhile: it is the same turn.
      yield* until(first.isSure, (sure) => sure)
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
        INSERT INTO jarvis_processes (host, pid, session, address, role)
        VALUES ('elsewhere', 1, 2147483647, 'dead:1', 'working') RETURNING id
      `
      yield* sql`
        INSERT INTO jarvis_lease (id, holder, until) VALUES (1, ${String(dead?.id)}, now() + interval '1 hour')
      `
      const next = yield* join()
      assert.strictEqual(yield* turnComes(next), 2)
      assert.deepStrictEqual(yield* next.addresses, Option.some(new Set()))
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
