import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { plan } from "../../src/database/Migrations.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { worse } from "./preflightCase.ts"
import { bareDatabase, earlyVersions, migratePublic, Owner, runEarly } from "./upgradeFrom.ts"

const planned = Effect.provide(plan(publicSchema), NodeServices.layer)

layer(Owner.layer, { excludeTestServices: true })("the preflight of an early database", (it) => {
  for (const early of earlyVersions) {
    it.effect(
      `of version ${early.version}${early.attempts ? " with the table attempts" : ""} finds nothing`,
      () =>
        Effect.gen(function* () {
          const { asSuperuser } = yield* Owner
          yield* asSuperuser(runEarly(early))
          assert.deepStrictEqual(worse((yield* planned).findings), [])
          yield* migratePublic
          assert.deepStrictEqual((yield* planned).findings, [])
        }).pipe(Effect.provide(bareDatabase))
    )
  }
})
