/**
 * `npm run demo`: an embedded PostgreSQL, a simulated RentProg, a day of webhooks, and the service between them.
 * `--events N` sends that many; with `--exit` it then waits until all are done, sums up, and tells by its exit status
 * whether anything was lost.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import {
  Clock,
  Console,
  Duration,
  Effect,
  FileSystem,
  Layer,
  Logger,
  Option,
  Redacted,
  Ref,
  Schedule,
  Schema,
  Stream
} from "effect"
import { Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { ReadInterval } from "../actors/HistoryProcessor.ts"
import { embeddedPostgres } from "../database/EmbeddedPostgres.ts"
import { freePort } from "../database/freePort.ts"
import { publicSchema } from "../database/SchemaName.ts"
import type { Branch } from "../domain/Branch.ts"
import * as Server from "../http/Server.ts"
import * as Jarvis from "../Jarvis.ts"
import { Settings } from "../Settings.ts"
import { day, populate } from "../simulator/Day.ts"
import { Fault, Simulator } from "../simulator/Simulator.ts"
import { compareMirror, countOf, latency, standings } from "./Ledger.ts"
import { draw, line, summarise, type View } from "./Screen.ts"

class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", { message: Schema.String }) {}

/** How long the last events may take before the demo gives up on them. */
const patience = Duration.seconds(100)

/** RentProg posts, and posts again what was not answered 200. What nobody can process says so, for the judge. */
const send = Effect.fnUntraced(function* (events: number, received: Ref.Ref<number>) {
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.filterStatusOk)
  const address = yield* Server.address
  const rate = Number.isFinite(events) ? 10 : 3
  yield* day({ events, garbage: 0.03, seed: "demo" }).pipe(
    Stream.schedule(Schedule.spaced(Duration.millis(1000 / rate))),
    Stream.runForEach(({ event, garbage, payload }) =>
      HttpClientRequest.post(`${address}/webhooks/rentprog`).pipe(
        HttpClientRequest.bodyJsonUnsafe({ event, payload, garbage }),
        client.execute,
        Effect.retry(Schedule.spaced("1 second")),
        Effect.andThen(Ref.update(received, (n) => n + 1))
      )
    )
  )
})

const look = Effect.fnUntraced(function* (received: Ref.Ref<number>, began: number) {
  const sql = yield* PgClient.PgClient
  const simulator = yield* Simulator
  const latest = yield* sql<View["latest"][number]>`
    SELECT branch, type, ext_id, processed, reason FROM events ORDER BY id DESC LIMIT 8
  `
  const [mirrored] = yield* sql<View["mirrored"]>`
    SELECT (SELECT count(*) FROM cars     WHERE deleted_at IS NULL)::int AS cars,
           (SELECT count(*) FROM clients  WHERE deleted_at IS NULL)::int AS clients,
           (SELECT count(*) FROM bookings WHERE deleted_at IS NULL)::int AS bookings
  `
  return {
    address: yield* Server.address,
    received: yield* Ref.get(received),
    rows: yield* standings("events"),
    history: yield* standings("history"),
    calls: (yield* simulator.calls).length,
    mirrored: mirrored ?? { cars: 0, clients: 0, bookings: 0 },
    latest,
    seconds: Math.round(((yield* Clock.currentTimeMillis) - began) / 1000)
  }
})

const show = (view: View) =>
  process.stdout.isTTY ? Console.log(`\u001b[2J\u001b[H${draw(view)}`) : Console.log(line(view))

/** What went wrong, if anything: rows without an end, an end that was not expected, records that differ. */
const judge = Effect.fnUntraced(function* (view: View, expected: number) {
  const sql = yield* PgClient.PgClient
  const simulator = yield* Simulator
  const { compared, wrong } = yield* compareMirror
  const garbage = (yield* simulator.history).filter((entry) => entry.garbage).map(({ id }) => String(id))
  const unexpected = yield* sql<{ readonly row: string; readonly reason: string | null }>`
    SELECT 'event ' || id AS row, reason FROM events
    WHERE processed = coalesce((metadata -> 'beside' ->> 'garbage')::boolean, false)
      OR (NOT processed AND (reason IS NULL OR next_attempt_at < 'infinity'))
    UNION ALL
    SELECT 'log entry ' || operation_id, reason FROM history
    WHERE processed = (operation_id = ANY (${garbage}::text[]))
      OR (NOT processed AND (reason IS NULL OR next_attempt_at < 'infinity'))
  `
  return {
    ...view,
    compared,
    latency: yield* latency,
    wrong: [
      ...(view.received === expected ? [] : [`${expected} webhooks were sent, ${view.received} received`]),
      ...((yield* isDone(view)) ? [] : ["not every webhook and log entry has an end"]),
      ...unexpected.map(({ reason, row }) => `${row}: ${reason ?? "processed, though nobody could"}`),
      ...wrong.map((record) => `${record} is not what RentProg has`)
    ]
  }
})

/** Whether every entry of RentProg's log has been read, and nothing is left to do. */
const isDone = Effect.fnUntraced(function* ({ history, rows }: View) {
  const entries = (yield* (yield* Simulator).history).length
  const ended = countOf(history, "processed") + countOf(history, "parked")
  return (
    entries === ended &&
    [...rows, ...history].every(({ state }) => state === "processed" || state === "parked")
  )
})

const demo = Effect.fnUntraced(function* (events: number, exit: boolean) {
  const simulator = yield* Simulator
  const began = yield* Clock.currentTimeMillis
  const received = yield* Ref.make(0)
  yield* Console.log(`Dashboard:  ${yield* Server.address}\n`)
  yield* populate()
  // What every network does now and then.
  yield* simulator.fault(Fault.Status({ status: 503 }), { share: 0.02 })
  yield* simulator.fault(Fault.Slow({ delay: Duration.seconds(1) }), { share: 0.05 })

  const view = look(received, began)
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.flatMap(view, show),
      Schedule.spaced(process.stdout.isTTY ? "500 millis" : "2 seconds")
    )
  )
  yield* send(events, received)
  if (!exit) return yield* Effect.never

  yield* Effect.repeat(Effect.flatMap(view, isDone), {
    schedule: Schedule.spaced("200 millis"),
    until: (done) => done
  }).pipe(Effect.timeoutOption(patience))
  const summary = yield* judge(yield* view, events)
  yield* Console.log(summarise(summary))
  if (summary.wrong.length > 0) return yield* new DemoFailed({ message: "something was lost" })
})

/** The service's own settings, but for where things are and a fallback that one can watch. */
const settings = Layer.effect(
  Settings,
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-demo-" })
    const url = yield* embeddedPostgres(directory)
    const tokensOf = (tokens: Readonly<Record<Branch, string>>) =>
      new Map(simulator.companies.map(({ branch }) => [branch, Redacted.make(tokens[branch] ?? "")]))
    yield* Console.log(`PostgreSQL: psql "$(cat ${directory}/database-url)"\nRentProg:   ${simulator.url}`)
    return Settings.of({
      databaseUrl: Option.some(url),
      listenUrl: Option.none(),
      cluster: Option.none(),
      dataDirectory: directory,
      schema: publicSchema,
      rentprog: {
        baseUrl: simulator.url,
        tokens: tokensOf(simulator.companyTokens),
        userTokens: tokensOf(simulator.userTokens),
        readsPerMinute: 60,
        searchesPerMinute: 10
      },
      eventsFallbackInterval: Duration.seconds(2),
      historyFallbackInterval: Duration.seconds(2),
      logFormat: Option.none(),
      logLevel: "None",
      otlpEndpoint: Option.none(),
      host: "127.0.0.1",
      port: yield* Effect.orElseSucceed(freePort(3000), () => 0),
      adminToken: Option.none(),
      webhookToken: Option.none()
    })
  })
)

Command.make(
  "demo",
  {
    events: Flag.Int("events").pipe(
      Flag.withDescription("How many webhooks to send; without it they never end"),
      Flag.optional
    ),
    exit: Flag.Boolean("exit").pipe(
      Flag.withDescription("Sum up and end when all are done; exit status 1 if anything was lost"),
      Flag.withDefault(false)
    )
  },
  ({ events, exit }) =>
    demo(
      Option.getOrElse(events, () => Number.POSITIVE_INFINITY),
      exit
    ).pipe(
      Effect.scoped,
      Effect.provide(Jarvis.service),
      // Often enough to be watched.
      Effect.provideService(ReadInterval, Duration.seconds(5)),
      Effect.provide(Jarvis.database),
      Effect.provide(settings),
      Effect.provide([Simulator.layer(), FetchHttpClient.layer])
    )
).pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Logger.layer([])),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
