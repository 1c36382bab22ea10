/** When an entry of another system's log was made. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { inTransaction, table } from "../support/forwarded.ts"
import { run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

layer(testDatabase, { timeout: "2 minutes", excludeTestServices: true })(
  "the time of a forwarded entry",
  (it) => {
    const moments: ReadonlyArray<readonly [column: string, value: string, made: string | null]> = [
      ["created_at text", "'20-11-2025 10:00'", "2025-11-20 06:00:00+00"],
      ["created_at text", "'2025-11-20 10:00:00 UTC'", "2025-11-20 10:00:00+00"],
      ["created_at text", "'some day'", "-infinity"],
      ["created_at text", "'2025-11-20T10:00:00'", "2025-11-20 06:00:00+00"],
      ["created_at text", "'2025-13-45T10:00:00'", "-infinity"],
      ["ts timestamp", "'2025-11-20 10:00'", "2025-11-20 01:00:00+00"],
      ["created_at timestamptz", "'2025-11-20 10:00+03'", "2025-11-20 07:00:00+00"],
      ["created_at timestamp", "'2025-11-20 10:00'", "2025-11-20 01:00:00+00"],
      ["ts timestamptz", "'2025-11-20 10:00+03'", "2025-11-20 07:00:00+00"],
      ["raw_data json", `'{"attributes": {"created_at": "20-11-2025 10:00"}}'`, "2025-11-20 06:00:00+00"],
      ["made date", "'2025-11-20'", null]
    ]
    it.effect.each(moments)("an entry was made when it says: %s %s", ([column, value, made]) =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* table(`id int, description text, ${column}`, "history")
        yield* run(
          "SET LOCAL TimeZone = 'Asia/Tokyo'",
          `INSERT INTO crm.history VALUES (1, 'Мария Ли создала бронь №507616', ${value})`
        ).pipe(inTransaction)
        const rows = yield* sql`
        SELECT CASE WHEN history.created_at < now() - interval '1 minute' THEN history.created_at::text END AS made FROM history
      `.pipe((read) => Effect.andThen(sql`SET LOCAL TimeZone = 'UTC'`, read), inTransaction)
        assert.deepStrictEqual(rows, [{ made }])
      })
    )

    it.effect("an entry was made when it says where another column is no jsonb, too", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* table("id int, description text, ts timestamp, payload json", "history")
        yield* run(
          "SET LOCAL TimeZone = 'Asia/Tokyo'",
          "SET LOCAL DateStyle = 'German'",
          `INSERT INTO crm.history VALUES (1, 'Мария Ли создала бронь №507616', '2025-11-20 10:00', '"\\u0000"')`
        ).pipe(inTransaction)
        assert.deepStrictEqual(
          yield* sql`SELECT extract(epoch FROM history.created_at - '2025-11-20T01:00:00Z')::int AS off FROM history`,
          [{ off: 0 }]
        )
      })
    )
  }
)
