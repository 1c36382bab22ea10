/** What doctor asks of RentProg: whether it takes each branch's tokens. */
import type { PgClient } from "@effect/sql-pg"
import { Clock, DateTime, Duration, Effect, Layer, Option, Schedule, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { sayTokenEnd } from "../actors/readLog.ts"
import { within } from "../database/within.ts"
import { type Branch, whyPaused } from "../domain/Branch.ts"
import { type EntityKey, RentprogId } from "../domain/Entity.ts"
import { codeOfText, reasonText } from "../domain/Reason.ts"
import { Patience, RentProg } from "../rentprog/RentProg.ts"
import { Settings } from "../Settings.ts"
import { type Check, none, type Outcome, ok, wrong } from "./Check.ts"
import type { Service } from "./service.ts"

/** RentProg without a service: one call, and no other where it fails. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { rentprog } = yield* Settings
    const usual = yield* Patience
    return RentProg.layer(rentprog).pipe(
      Layer.provide([
        FetchHttpClient.layer,
        Layer.succeed(Patience, {
          ...usual,
          callTimeout: "4 seconds",
          retry: Schedule.recurs(0),
          retriesAfter429: 0
        })
      ])
    )
  })
)

const taken = ok("RentProg takes it")

/** A reason as it stands in rows. Where a token is to blame, it says what to do. */
const refused = (reason: string): Outcome =>
  codeOfText(reason) === "rentprog_unauthorized"
    ? wrong(reason)
    : wrong(`${reason}: see RENTPROG_BASE_URL, and try again in a minute`)

const decodeId = Schema.decodeUnknownOption(RentprogId)

/** The car that came last for the branch, or one that nobody has. */
const someCar = (sql: Option.Option<PgClient.PgClient>, branch: Branch) =>
  Effect.gen(function* () {
    if (Option.isNone(sql)) return undefined
    const [row] = yield* sql.value<{ readonly id: string }>`
      SELECT cars.rentprog_id AS id FROM cars WHERE cars.branch = ${branch} AND cars.deleted_at IS NULL
      ORDER BY cars.fetched_at DESC NULLS LAST LIMIT 1
    `
    return row?.id
  }).pipe(
    // Without an answer, any will do.
    within(Duration.seconds(1)),
    Effect.orElseSucceed(() => undefined),
    Effect.map(
      (id): EntityKey => ({
        entityType: "car",
        entityId: Option.getOrElse(decodeId(id), () => RentprogId.make("1"))
      })
    )
  )

/** How long the service may take: it waits for quota, and asks again where RentProg does not answer. */
const waitForService = "8 seconds"

/** A call of the service's, in its quota. */
const throughService = ({ client }: Service, branch: Branch, record: EntityKey) =>
  client.branches
    .ask({ params: { branch }, payload: { entity_type: record.entityType, entity_id: record.entityId } })
    .pipe(
      Effect.map(({ reason }) => {
        if (reason === null) return taken
        return reason === whyPaused ? none("not asked: a person holds the branch") : refused(reason)
      }),
      Effect.catch((error) =>
        Effect.succeed(
          wrong(
            error._tag === "NotFound"
              ? "the service does not know the branch: restart it, so that it reads the settings anew"
              : `the service does not ask RentProg for doctor: ${error.message}`
          )
        )
      ),
      Effect.timeoutOrElse({
        duration: waitForService,
        orElse: () =>
          Effect.succeed(
            wrong(
              `the service has no answer within ${waitForService}: the branch's quota is used up, or RentProg does not answer; see the dashboard`
            )
          )
      })
    )

const withoutService = Effect.fnUntraced(function* (branch: Branch, record: EntityKey) {
  const rentprog = yield* RentProg
  return yield* rentprog.fetch(branch, record).pipe(
    Effect.as(taken),
    Effect.catchTag("RentProgNotFound", () => Effect.succeed(taken)),
    Effect.catch((error) => Effect.succeed(refused(reasonText(error))))
  )
})

/** The service reads each log every 3 minutes, and says how that went. */
const logOfService = ({ components }: Service, branch: Branch): Outcome => {
  const of = (name: string) => components.find((part) => part.name === name)
  const ends = of(`user token ${branch}`)?.detail ?? null
  if (ends !== null) return wrong(`it ${ends}`)
  const log = of(`log ${branch}`)
  if (log === undefined) return none("the service has not read the log yet")
  const detail = log.detail ?? ""
  return log.state === "up" ? ok(`the service reads the log with it: ${detail}`) : wrong(detail)
}

const logWithoutService = Effect.fnUntraced(function* (branch: Branch) {
  const { listLog, searchLog, userTokenEnds } = yield* RentProg
  const ends = sayTokenEnd(userTokenEnds(branch), yield* DateTime.now)
  if (ends !== null) return wrong(`it ${ends}`)
  const to = yield* Clock.currentTimeMillis
  const from = to - Duration.toMillis("1 minute")
  return yield* searchLog(branch, 1).pipe(
    // The older address.
    Effect.catchTag("RentProgNotFound", () => listLog(branch, { from, to }, 1)),
    Effect.as(taken),
    Effect.catch((error) => Effect.succeed(refused(reasonText(error))))
  )
})

/** One check for each token of each branch. */
export const checks = Effect.fnUntraced(function* (
  service: Option.Option<Service>,
  sql: Option.Option<PgClient.PgClient>
) {
  const { tokens, userTokens } = (yield* Settings).rentprog
  const branches = Array.from(new Set([...tokens.keys(), ...userTokens.keys()]))

  const company = branches.map(
    (branch): Check<RentProg | Settings> => ({
      name: `token of ${branch}`,
      look: !tokens.has(branch)
        ? Effect.succeed(none("RENTPROG_TOKENS has none: no record of it is fetched"))
        : Effect.flatMap(someCar(sql, branch), (record) =>
            Option.isSome(service)
              ? throughService(service.value, branch, record)
              : withoutService(branch, record)
          )
    })
  )
  const logs = branches.map(
    (branch): Check<RentProg> => ({
      name: `log token of ${branch}`,
      look: !userTokens.has(branch)
        ? Effect.succeed(none("RENTPROG_HISTORY_TOKENS has none: its operations log is not read"))
        : Option.isSome(service)
          ? Effect.succeed(logOfService(service.value, branch))
          : logWithoutService(branch)
    })
  )
  if (branches.length > 0) return [...company, ...logs]
  return [
    {
      name: "tokens",
      look: Effect.succeed(
        none("RENTPROG_TOKENS and RENTPROG_HISTORY_TOKENS have none: nothing is asked of RentProg")
      )
    }
  ]
})
