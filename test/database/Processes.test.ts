/** What each process says of itself, as all read it. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Effect, Exit, Layer, Option, Scope } from "effect"
import { Lease } from "../../src/database/Lease.ts"
import { Processes, type Said } from "../../src/database/Processes.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { Component } from "../../src/domain/Component.ts"
import { standing } from "../http/admin.ts"
import { schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const tbilisi = Branch.make("tbilisi")
const kutaisi = Branch.make("kutaisi")

/** A process; it leaves when it is told to, or the test ends. */
const join = Effect.gen(function* () {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Processes.layer.pipe(Layer.provideMerge(Lease.layer(yield* schema, Option.none())))
  const context = yield* Layer.buildWithScope(Layer.fresh(layer), scope)
  const { id } = Context.get(context, Lease)
  return { ...Context.get(context, Processes), id, leave: Scope.close(scope, Exit.void) }
})

const part = (name: string, detail: string | null = null): Component => ({
  name,
  detail,
  state: detail === null ? "up" : "down",
  since: DateTime.makeUnsafe("2026-03-01T12:00:00Z")
})

const said = (given: Partial<Said>): Said => ({
  branches: [],
  listens: false,
  components: [],
  standings: new Map(),
  ...given
})

/** How a branch stands, once that is as wished: an answer may be a second old. */
const stands = (process: Processes["Service"], wished: typeof standing | undefined, branch = tbilisi) =>
  until(
    Effect.map(process.standings, (all) => all.get(branch)),
    (its) => JSON.stringify(its) === JSON.stringify(wished)
  )

const write = (statement: string) => PgClient.PgClient.use((sql) => sql.unsafe(statement))

/** How often what is said was written. */
const versions = PgClient.PgClient.use((sql) => sql`SELECT xmin::text FROM jarvis_said ORDER BY kind, name`)

describe("processes", () => {
  it.live("say who they are and how their parts and branches are, until they end", () =>
    Effect.gen(function* () {
      const one = yield* join
      const other = yield* join
      yield* one.say(
        said({
          branches: [tbilisi, kutaisi],
          listens: true,
          components: [part("database"), part("branch tbilisi", "it says \0 and \ud800")],
          standings: new Map([[tbilisi, standing]])
        })
      )
      yield* other.say(said({ components: [part("database")] }))
      const shown = Effect.map(other.all, (all) =>
        all.map(({ branches, components, id, listens, present, role, self }) => ({
          ...{ branches, listens, id, present, role, self, parts: components.map(({ name }) => name) }
        }))
      )
      const first = {
        ...{ id: one.id, branches: ["tbilisi", "kutaisi"], listens: true, present: true, role: "working" },
        ...{ self: false, parts: ["branch tbilisi", "database"] }
      }
      const second = {
        ...{ id: other.id, branches: [], listens: false, present: true, role: "standing by", self: true },
        parts: ["database"]
      }
      assert.deepStrictEqual<unknown>(yield* until(shown, (all) => all[0]?.role === "working"), [
        first,
        second
      ])
      const [{ components } = { components: [] }] = yield* other.all
      assert.deepStrictEqual<unknown>(components[0], part("branch tbilisi", "it says  and \ufffd"))
      yield* stands(other, standing)
      yield* stands(other, undefined, kutaisi)

      yield* one.leave
      assert.deepStrictEqual<unknown>(
        (yield* shown).map(({ id }) => id),
        [other.id]
      )
      yield* stands(other, undefined)
      assert.lengthOf(yield* versions, 1)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("write nothing that has not changed, and remove what they no longer say", () =>
    Effect.gen(function* () {
      const one = yield* join
      const all = said({
        components: [part("database"), part("log tbilisi")],
        standings: new Map([[tbilisi, standing]])
      })
      yield* one.say(all)
      const before = yield* versions
      assert.lengthOf(before, 3)
      yield* one.say(all)
      assert.deepStrictEqual<unknown>(yield* versions, before)
      yield* one.say({ ...all, components: [part("database"), part("log tbilisi", "refused")] })
      const after = yield* versions
      assert.deepStrictEqual<unknown>([after[0], after[2]], [before[0], before[2]])
      assert.notDeepEqual(after[1], before[1])
      yield* one.say(said({ components: [part("database")] }))
      assert.deepStrictEqual<unknown>(yield* versions, [before[0]])
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("that are gone say nothing more of branches, and are shown for a while", () =>
    Effect.gen(function* () {
      const one = yield* join
      yield* write(`
        INSERT INTO jarvis_processes (host, pid, role, seen_at) VALUES
          ('gone', 1, 'working', now() - interval '6 seconds'), ('forgotten', 2, 'working', now() - interval '6 minutes')
      `)
      yield* write(`
        INSERT INTO jarvis_said (process, kind, name, said)
        SELECT id, 'standing', 'tbilisi', '${JSON.stringify(standing)}' FROM jarvis_processes WHERE host = 'gone'
      `)
      assert.deepStrictEqual<unknown>(
        (yield* one.all).map(({ host, present }) => [host === "gone", present]),
        [
          [false, true],
          [true, false]
        ]
      )
      yield* stands(one, undefined)
      yield* write("UPDATE jarvis_processes SET seen_at = now() + interval '1 minute' WHERE host = 'gone'")
      yield* stands(one, standing)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("of two that speak of a branch the later one is right", () =>
    Effect.gen(function* () {
      const one = yield* join
      const other = yield* join
      const open = { ...standing, breaker: "open" } as const
      yield* other.say(said({ standings: new Map([[tbilisi, standing]]) }))
      yield* one.say(said({ standings: new Map([[tbilisi, open]]) }))
      yield* stands(one, open)
      yield* other.say(said({ standings: new Map([[tbilisi, { ...standing, quota_left: 1 }]]) }))
      yield* stands(one, { ...standing, quota_left: 1 })
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("of another version say what they like, and what is not understood is left out", () =>
    Effect.gen(function* () {
      const one = yield* join
      yield* one.say(said({ components: [part("database")], standings: new Map([[kutaisi, standing]]) }))
      yield* write(`
        INSERT INTO jarvis_said (process, kind, name, said) VALUES
          (${one.id}, 'component', 'new', '{"state": "who knows"}'), (${one.id}, 'standing', 'tbilisi', '7')
      `)
      assert.deepStrictEqual<unknown>(
        (yield* one.all).map(({ components }) => components),
        [[part("database")]]
      )
      yield* stands(one, standing, kutaisi)
      yield* stands(one, undefined)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )
})
