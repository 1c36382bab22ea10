/** Sessions whose plain strings know escapes (`standard_conforming_strings = off`), as those of old programs. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { migrated, pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const lines = <S extends Schema.Top & { readonly DecodingServices: never }>(file: string, line: S) =>
  readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8")
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => Schema.decodeUnknownSync(Schema.fromJsonString(line))(text))

const sentences = lines("history.jsonl", Schema.Struct({ description: Schema.String })).map(
  ({ description }) => description
)
const webhooks = lines(
  "webhooks.jsonl",
  Schema.Struct({ body: Schema.Struct({ event: Schema.String, payload: Schema.Json }) })
)
const moments = [
  "03.11.2025 09:05:01",
  "03-11-2025 09:05:01",
  "20251103T090501Z",
  "20251103T0905+0400",
  "3 Nov"
]

/** What a session makes of all that RentProg writes. Nothing of it stays. */
const all = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return {
    log: yield* sql`
      INSERT INTO history (branch, description, raw_data)
      SELECT 'tbilisi', said, jsonb_build_object('created_at', (${moments}::text[])[n % 5 + 1])
      FROM unnest(${[...sentences, " \u00a0", "Иван Петров, изменил авто №5, и ещё"]}::text[]) WITH ORDINALITY AS texts (said, n)
      ORDER BY n
      RETURNING description, nullif(created_at, now()) AS made_at, entity_type, entity_id, user_name, reason, parse_history_description(description) AS said
    `,
    events: yield* sql`
      INSERT INTO events (type, payload)
      SELECT hook ->> 'event', hook -> 'payload'
      FROM jsonb_array_elements(${JSON.stringify(webhooks.map(({ body }) => body))}::text::jsonb) AS hooks (hook)
      RETURNING type, branch, ext_id, payload, reason
    `
  }
})
const inSession = (strings: "on" | "off") =>
  PgClient.PgClient.use((sql) =>
    Effect.gen(function* () {
      yield* sql.unsafe(`SET LOCAL standard_conforming_strings = ${strings}`)
      const made = yield* all
      yield* sql.unsafe("DELETE FROM events")
      yield* sql.unsafe("DELETE FROM history")
      yield* sql.unsafe("TRUNCATE payments, maintenance, entity_timeline")
      return made
    }).pipe(sql.withTransaction)
  ).pipe(Effect.provide(Layer.unwrap(TestDatabase.useSync(({ url }) => Layer.fresh(pool(url))))))

layer(testDatabase, { excludeTestServices: true })("a session whose strings know escapes", (it) => {
  it.effect("reads what every other reads", () =>
    Effect.gen(function* () {
      const usual = yield* inSession("on")
      assert.isAbove(usual.log.filter(({ said }) => said !== null).length, 50)
      assert.isTrue(usual.events.some(({ ext_id }) => ext_id === "65311"))
      assert.deepStrictEqual(yield* inSession("off"), usual)
    })
  )
})

layer(TestDatabase.from("empty"), { excludeTestServices: true })(
  "a database whose strings know escapes",
  (it) => {
    it.effect("gets the same functions", () =>
      Effect.gen(function* () {
        const usual = Layer.unwrap(TestDatabase.useSync(({ url }) => Layer.fresh(pool(url))))
        yield* PgClient.PgClient.use((sql) =>
          sql.unsafe(`DO $$ BEGIN
          EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database());
        END $$`)
        ).pipe(Effect.provide(usual))
        yield* Effect.gen(function* () {
          yield* migrated
          const sql = yield* PgClient.PgClient
          const ruby = String.raw`{"id"=>7, "name"=>"a\u0041\e"}`
          assert.deepStrictEqual(yield* sql`SELECT read_ruby_hash(${ruby}) AS read`, [
            { read: { id: 7, name: "aA\u001b" } }
          ])
        }).pipe(Effect.provide(usual))
      })
    )
  }
)
