/** What health says of forwarding, as the service tells it. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Cluster from "../../src/actors/Cluster.ts"
import * as forwarding from "../../src/actors/forwarding.ts"
import { Health } from "../../src/actors/Health.ts"
import { forward } from "../../src/database/forwarding.ts"
import { run } from "../support/refusing.ts"
import { schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const said = Health.use(({ components }) =>
  Effect.map(components, (all) => all.find(({ name }) => name === "forwarding"))
)

/** What the service says when it starts. */
const atStart = (state: string | undefined) =>
  Effect.gen(function* () {
    yield* Layer.build(Layer.provide(forwarding.layer(yield* schema), Cluster.inMemory))
    return yield* until(said, (part) => part?.state === state)
  }).pipe(Effect.scoped)

it.live("a table whose rows cannot be written is down, and PostgreSQL's words say why", () =>
  Effect.gen(function* () {
    yield* run("CREATE SCHEMA crm", "CREATE TABLE crm.events (id int, type text, payload json)")
    yield* forward(yield* schema, ["crm.events"], false)
    yield* atStart("up")
    yield* run(
      "ALTER TABLE events ADD CONSTRAINT small CHECK (ext_id <> '5')",
      `INSERT INTO crm.events VALUES (1, 'car_update', '{"id": 5}')`
    )
    const down = yield* atStart("down")
    assert.strictEqual(
      down?.detail,
      '1 row of crm.events could not be forwarded yet: new row for relation "events" violates check constraint "small" (23514); see forward_misses'
    )
    yield* run(
      "ALTER TABLE events DROP CONSTRAINT small",
      "UPDATE forward_misses SET next_attempt_at = now()"
    )
    yield* atStart("up")
  }).pipe(Effect.provide([testDatabase, Health.layer]))
)
