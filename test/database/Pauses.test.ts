/** Branches are held and let go on. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { Backlog } from "../../src/database/Backlog.ts"
import { Pauses } from "../../src/database/Pauses.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { cars, fresh, notifiedBy, quiet, succeed, who } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = Pauses.layer.pipe(
  Layer.provideMerge(
    Layer.merge(
      Audit.layer,
      Backlog.layer({ tokens: [Branch.make("rustavi")], logs: [Branch.make("rustavi")] })
    )
  ),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

const tbilisi = Branch.make("tbilisi")

/** Who holds which branch. */
const held = Effect.gen(function* () {
  const { branches } = yield* Backlog.use(({ now }) => now)
  return branches.flatMap(({ branch, paused }) => (paused === null ? [] : [[branch, paused.by]]))
})

layer(tests, { excludeTestServices: true })("Pauses", (it) => {
  it.effect("a branch is held until it is resumed, and goes on at once", () =>
    Effect.gen(function* () {
      yield* fresh
      const pauses = yield* Pauses
      const pausing = yield* notifiedBy(pauses.pause(tbilisi, who))
      assert.deepStrictEqual([pausing.payloads, yield* held], [["0|tbilisi||"], [["tbilisi", who.name]]])
      yield* pauses.pause(tbilisi, { ...who, name: "Гия" })
      assert.deepStrictEqual(yield* held, [["tbilisi", who.name]])
      const resuming = yield* notifiedBy(pauses.resume(tbilisi, who))
      assert.deepStrictEqual([resuming.payloads, yield* held], [["0|tbilisi||"], []])
      yield* pauses.resume(tbilisi, who)
      // What changed nothing is no act.
      const { rows } = yield* Audit.use((audit) => audit.list())
      assert.deepStrictEqual<unknown>(
        rows.map(({ at, id, ...rest }) => rest),
        ["resume", "pause"].map((action) => ({
          ...{ action, by: who.name, address: who.address, branch: "tbilisi", table: null },
          ...{ filter: null, reason: null, count: 0, undoable: false }
        }))
      )
    })
  )

  it.effect("a branch is known by its token, by its events, or because it is held", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const pauses = yield* Pauses
      const telavi = Branch.make("telavi")
      const refused = Effect.flip(pauses.pause(telavi, who))
      assert.strictEqual((yield* refused)._tag, "NoSuchBranch")
      yield* pauses.pause(Branch.make("rustavi"), who)
      const [id] = yield* cars(1, "telavi")
      yield* pauses.pause(telavi, who)
      yield* succeed("events", id)
      yield* pauses.resume(telavi, who)
      assert.strictEqual((yield* refused)._tag, "NoSuchBranch")
      assert.strictEqual((yield* Effect.flip(pauses.resume(telavi, who)))._tag, "NoSuchBranch")
      const rows = yield* sql`SELECT DISTINCT branch FROM operator_actions ORDER BY 1`
      assert.deepStrictEqual(rows, [{ branch: "rustavi" }, { branch: "telavi" }])
    })
  )
})
