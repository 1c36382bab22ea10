/**
 * What the history trigger costs: INSERTs of 10,000 entries about 1,000 cars, with the trigger and without, in turns.
 *
 *     node bench/history.ts
 */
import { PgClient } from "@effect/sql-pg"
import { Clock, Console, Effect } from "effect"
import { database, NodeRuntime, NodeServices, run } from "./setting.ts"

const rows = 10_000

const insert = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const began = yield* Clock.currentTimeMillis
  yield* sql`
    INSERT INTO history (branch, operation_id, description)
    SELECT 'tbilisi', gen_random_uuid(), format('Иван Петров изменил , mileage с %s на %s в авто № %s', n, n + 1, n % 1000)
    FROM generate_series(1, ${rows}) AS n
  `
  return (rows * 1000) / ((yield* Clock.currentTimeMillis) - began)
})

const benchmark = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`INSERT INTO cars (rentprog_id) SELECT n::text FROM generate_series(0, 999) AS n`
  for (let turn = 1; turn <= 3; turn += 1) {
    yield* sql`ALTER TABLE history DISABLE TRIGGER auto_process_history_trigger`
    const without = yield* insert
    yield* sql`ALTER TABLE history ENABLE TRIGGER auto_process_history_trigger`
    const withTrigger = yield* insert
    yield* Console.log(
      `turn ${turn}: ${Math.round(withTrigger)} rows/s with the trigger, ${Math.round(without)} without: 1 to ${(without / withTrigger).toFixed(1)}`
    )
  }
})

run(benchmark).pipe(Effect.provide(database), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
