/** Branches that RentProg refuses, and branches that fall behind, wherever somebody may look. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Component } from "../../src/domain/Component.ts"
import { about, events, insert, until } from "../support/tables.ts"
import { parse } from "./exposition.ts"
import { logsRefused, refused } from "./refusing.ts"
import { ask } from "./server.ts"

const Ready = Schema.fromJsonString(
  Schema.Struct({ status: Schema.String, components: Schema.Array(Component) })
)

/** How the service says it is: the parts that are not up. */
const ready = Effect.gen(function* () {
  const { status, text } = yield* ask("/health/ready")
  const { components } = yield* Schema.decodeUnknownEffect(Ready)(text)
  return {
    status,
    parts: components
      .filter(({ state }) => state !== "up")
      .map(({ detail, name, state }) => `${name} ${state}: ${detail}`)
  }
})

/** A metric, as `labels value`. */
const metric = (name: string) =>
  Effect.map(ask("/metrics"), ({ text }) =>
    (parse(text).get(name)?.samples ?? []).map(({ labels, value }) =>
      [...Object.values(labels), value].join(" ")
    )
  )

layer(refused, { excludeTestServices: true })("the service", (it) => {
  it.effect("is ready, and says of which branch RentProg takes no token and which one is behind", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* until(ready, ({ status }) => status === 200)
      yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES ('batumi', 'Anna')`
      yield* insert(
        about("car_update", 1),
        about("car_update", 2, "kutaisi"),
        about("car_update", 3, "batumi")
      )
      yield* sql`
        UPDATE events SET revision = revision + 1, next_attempt_at = now() - interval '7 minutes' WHERE branch = 'batumi'
      `
      yield* until(events, (rows) => rows.filter(({ attempts }) => attempts > 0).length === 2)
      const { status, parts } = yield* until(ready, ({ parts }) => parts.length === 3)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(parts, [
        "backlog batumi down: the oldest due event has been due for 7 minutes: a person holds the branch",
        "token kutaisi refused: events wait, and no company token is set: add it to RENTPROG_TOKENS",
        "token tbilisi refused: RentProg refuses the company token: correct it in RENTPROG_TOKENS"
      ])
      assert.sameMembers(yield* metric("jarvis_branch_refused"), ["tbilisi 1", "kutaisi 1", "batumi 0"])
      const behind = yield* metric("jarvis_branch_behind_seconds")
      assert.isTrue(
        behind.some((sample) => /^batumi 4[23]\d/.test(sample)),
        behind.join()
      )
      assert.include(behind, "tbilisi 0")

      // Of what is done nothing is missed.
      // A branch that is no longer listed is forgotten with it.
      yield* sql.withTransaction(
        Effect.andThen(
          sql`DELETE FROM branches WHERE branches.code = 'kutaisi'`,
          sql`UPDATE events SET processed = true, ok = true WHERE branch <> 'tbilisi'`
        )
      )
      yield* until(ready, ({ parts }) => parts.length === 1)
    })
  )
})

layer(logsRefused, { excludeTestServices: true })("logs", (it) => {
  it.effect("are told of that nobody may read, or that nobody has a token for where others have", () =>
    Effect.gen(function* () {
      // Once all that it needs has come up.
      const { parts } = yield* until(ready, ({ parts, status }) => status === 200 && parts.length === 2)
      assert.deepStrictEqual(parts, [
        "log batumi refused: nobody reads it, as no user token is set: add it to RENTPROG_HISTORY_TOKENS",
        "log tbilisi down: rentprog_unauthorized: POST /search_operations for branch tbilisi was answered 401: correct its token in RENTPROG_HISTORY_TOKENS"
      ])
    })
  )
})
