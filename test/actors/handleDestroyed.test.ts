import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Option, Schema } from "effect"
import { handleDestroyed, isDestroyed } from "../../src/actors/handleDestroyed.ts"
import { handleTaken } from "../../src/actors/handleTaken.ts"
import { Events } from "../../src/database/Events.ts"
import { Mirror } from "../../src/database/Mirror.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { entityTypes } from "../../src/domain/Entity.ts"
import type { Taken } from "../../src/domain/Event.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { insertEvents } from "../support/events.ts"
import { whileOpen } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const never = Effect.die("RentProg is not asked")
const rentprog = Layer.succeed(RentProg, {
  fetch: () => never,
  endWaits: () => never,
  searchLog: () => never,
  listLog: () => never,
  userTokenEnds: () => Option.none(),
  standing: () => never,
  branches: []
})
const tests = Layer.mergeAll(Events.layer, Mirror.layer, rentprog).pipe(Layer.provideMerge(testDatabase))

/** A record that is destroyed: what the mirror had of it, and what else waits for it. */
const Gone = Schema.Struct({
  kind: Schema.Literals(entityTypes),
  before: Schema.Literals(["unknown", "known", "deleted", "newer"]),
  others: Schema.Array(Schema.Literals(["create", "update", "destroy"])).check(Schema.isMaxLength(4))
})
type Gone = typeof Gone.Type
const batches = Arbitrary.array(Arbitrary.schema(Gone), { minLength: 1, maxLength: 12 })

const fetchedAt = { known: "2000-01-01", deleted: "2000-01-01", newer: "2100-01-01" } as const
const tables = { car: "cars", client: "clients", booking: "bookings" } as const

/** Writes records of a branch and what waits for them, and takes that. */
const taken = Effect.fnUntraced(function* (branch: string, all: ReadonlyArray<Gone>) {
  const sql = yield* PgClient.PgClient
  for (const [n, { before, kind }] of all.entries()) {
    if (before === "unknown") continue
    yield* sql`
      INSERT INTO ${sql(tables[kind])} (rentprog_id, branch, data, fetched_at, deleted_at)
      VALUES (${`${branch}-${n}`}, ${branch}, '{"kept": true}', ${fetchedAt[before]}::timestamptz,
        CASE WHEN ${before === "deleted"} THEN '1999-01-01'::timestamptz END)
    `
  }
  yield* insertEvents(
    all.flatMap(({ kind, others }, n) =>
      [...others, "destroy"].map((what) => ({
        branch,
        type: `${kind}_${what}`,
        ext_id: `${branch}-${n}`,
        payload: { id: `${branch}-${n}`, a: [1, 2] }
      }))
    )
  )
  return yield* (yield* Events).take(Branch.make(branch), [])
})

/** All that the tables say of a branch's records, but for times and numbers. */
const standing = Effect.fnUntraced(function* (branch: string) {
  const sql = yield* PgClient.PgClient
  const said = (rows: ReadonlyArray<unknown>) => JSON.stringify(rows).replaceAll(branch, "branch")
  return {
    events: said(
      yield* sql`
        SELECT ext_id, type, processed, ok, reason, attempts, revision, next_attempt_at, trace_id IS NOT NULL AS traced
        FROM events WHERE branch = ${branch} ORDER BY events.id
      `
    ),
    mirror: said(
      yield* Effect.forEach(
        entityTypes,
        (kind) => sql`
          SELECT rentprog_id, branch, data, deleted_at IS NOT NULL AS deleted, deleted_at < '2000-01-01' AS long_ago,
            fetched_at > now() AS newer, fetched_at > '2000-01-02' AS touched
          FROM ${sql(tables[kind])} WHERE rentprog_id LIKE ${`${branch}-%`} ORDER BY rentprog_id COLLATE "C"
        `
      )
    ),
    timeline: said(
      yield* sql`
        SELECT entity_type, entity_id, operation, changes, source FROM entity_timeline WHERE branch = ${branch}
        ORDER BY entity_timeline.source_id::bigint
      `
    ),
    attempts: said(
      yield* sql`
        SELECT row_attempts.attempt, row_attempts.reason FROM row_attempts JOIN events ON events.id = row_attempts.source_id
        WHERE events.branch = ${branch} ORDER BY row_attempts.source_id
      `
    )
  }
})

const together = (all: ReadonlyArray<Taken>) => handleDestroyed(all, () => {})
const alone = { arrived: Effect.void, arriving: () => Effect.void }
const oneByOne = (all: ReadonlyArray<Taken>) =>
  Effect.forEach(all, (one) => handleTaken(one, alone), { concurrency: "unbounded", discard: true })

layer(tests, { excludeTestServices: true })("records that are gone", (it) => {
  it.effect("end the same, handled together and one by one", () =>
    Effect.gen(function* () {
      const samples = yield* Arbitrary.sampleEffect(batches, { count: 40, seed: crypto.randomUUID() })
      for (const [n, all] of samples.entries()) {
        const both = [`together${n}`, `alone${n}`] as const
        const first = yield* taken(both[0], all)
        assert.isTrue(first.every(isDestroyed))
        assert.lengthOf(first, all.length)
        assert.deepStrictEqual(yield* together(first), [])
        yield* oneByOne(yield* taken(both[1], all))
        assert.deepStrictEqual(yield* standing(both[0]), yield* standing(both[1]), JSON.stringify(all))
      }
    })
  )

  const gone = (count: number) =>
    Array.from({ length: count }, (): Gone => ({ kind: "car", before: "known", others: [] }))

  it.effect.each([
    {
      what: "a record",
      held: "SELECT FROM cars WHERE rentprog_id = 'record-3' FOR UPDATE",
      branch: "record"
    },
    { what: "an event", held: "SELECT FROM events WHERE ext_id = 'event-3' FOR UPDATE", branch: "event" }
  ])("$what that somebody holds is left, and holds up no other", ({ branch, held }) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const all = yield* taken(branch, gone(20))
      const left = yield* whileOpen(held, together(all))
      assert.deepStrictEqual(
        left.map(({ record }) => record.entityId as string),
        [`${branch}-3`]
      )
      const undone = yield* sql`SELECT ext_id FROM events WHERE branch = ${branch} AND NOT processed`
      assert.deepStrictEqual<unknown>(undone, [{ ext_id: `${branch}-3` }])
      yield* oneByOne(left)
      const [row] = yield* sql<{ readonly done: boolean }>`
        SELECT bool_and(processed AND ok) AS done FROM events WHERE branch = ${branch}
      `
      assert.isTrue(row?.done)
    })
  )
})
