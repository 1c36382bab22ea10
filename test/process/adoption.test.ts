/** docs/adoption.md, step by step, at a company that has a system of its own. */
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted } from "effect"
import { readCatalog } from "../../src/database/catalog.ts"
import { freePort } from "../../src/database/freePort.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { root } from "../../src/root.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { customer } from "../database/preflightCustomer.ts"
import { run } from "../support/refusing.ts"
import { outsider, TestDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { ran, serve } from "./program.ts"

/** What its tables hold. */
const rows = [
  "INSERT INTO branches (code) VALUES ('tbilisi'), ('batumi')",
  "INSERT INTO cars (rentprog_id, number, mileage) VALUES ('65311', 'AA001BB', 101191), ('59439', 'CC002DD', 48000)",
  "INSERT INTO clients (rentprog_id, name) VALUES (77001, 'Иван Петров')",
  `INSERT INTO bookings (rentprog_id, car_id, client_id, start_date, active)
     SELECT '507616', cars.id, clients.id, '2025-11-10', 'yes' FROM cars, clients WHERE cars.rentprog_id = '65311'`,
  "INSERT INTO payments (booking_id, amount, kind) SELECT bookings.id, 120, 'cash' FROM bookings",
  `INSERT INTO events (ts, company_id, type, rentprog_id, payload) VALUES
     ('2025-09-30', 9247, 'car_update', '59439', '{"id": 59439, "company_id": 9247}'),
     ('2025-11-03', 9247, 'car_update', '65311', '{"id": 65311, "company_id": 9247, "mileage": [101191, 102035]}'),
     ('2025-11-09', 9247, 'booking_create', '507616', '{"id": 507616, "company_id": 9247, "car_id": 65311}')`,
  "INSERT INTO history (description) VALUES ('Иван Петров создал бронь №507616')"
]

/** What it writes while it is forwarded, told by this number. */
const later = "65400"
const writeMore = run(
  `INSERT INTO public.events (company_id, type, rentprog_id, payload)
     VALUES (9247, 'car_update', '${later}', '{"id": ${later}, "company_id": 9247}')`,
  "INSERT INTO public.history (description) VALUES ('Мария Ли изменила , mileage с 48000 на 48250 в авто № 65400')"
)

const tables = ["branches", "cars", "clients", "bookings", "payments", "events", "history", "entity_timeline"]

/** All that the company's tables hold and are, apart from what it has written meanwhile. */
const checksums = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const sums: Record<string, unknown> = {}
  for (const table of tables) {
    const [row] = yield* sql.unsafe<{ readonly sum: string | null }>(
      `SELECT md5(string_agg(own::text, ' ' ORDER BY own::text)) AS sum FROM public.${table} AS own WHERE own::text NOT LIKE '%${later}%'`
    )
    sums[table] = row?.sum
  }
  return { sums, catalog: yield* readCatalog(sql, "public") }
})

interface Block {
  readonly heading: string
  readonly kind: string
  readonly text: string
}

const blocksOf = (guide: string): ReadonlyArray<Block> =>
  guide.split(/^## /m).flatMap((section) =>
    Array.from(section.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, kind = "", text = ""]) => ({
      heading: section.split("\n", 1)[0] ?? "",
      kind,
      text
    }))
  )

/** What is another on another server, and with another version. */
const usual = (text: string): string =>
  text
    .replaceAll(/PostgreSQL [\d.]+/g, "PostgreSQL N")
    .replaceAll(/\d+ migrations, functions \d+/g, "N migrations, functions N")
    .replaceAll(/takes \d+ [kM]B/g, "takes N MB")

/** `…` stands for whatever the guide leaves out: lines, or a part of one. */
const asPattern = (text: string): RegExp =>
  new RegExp(
    `^${usual(text)
      .replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")
      .replaceAll(/^…\n/gm, "(?:.*\\n)*?")
      .replaceAll("…", ".*")}$`
  )

/** As psql shows it, more or less. */
const asTable = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>): string => {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "")))]
  const widths = names.map((_, n) => Math.max(...lines.map((line) => line[n]?.length ?? 0)))
  const [head = "", ...others] = lines.map((line) =>
    line
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join(" | ")
      .trimEnd()
  )
  return [head, widths.map((width) => "-".repeat(width)).join("-+-"), ...others]
    .map((line) => `${line}\n`)
    .join("")
}

const surroundings = Layer.unwrap(TestDatabase.useSync(({ url }) => outsider(url))).pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase.layer, Simulator.layer(), NodeServices.layer))
)

describe("the guide to adoption", () => {
  it.live("is true, and leaves the company's tables as they were", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const simulator = yield* Simulator
      const fs = yield* FileSystem.FileSystem
      const { url } = yield* TestDatabase
      const { pathname, username } = new URL(Redacted.value(url))
      const port = String(yield* freePort())
      const settings: Record<string, string> = {
        DATABASE_URL: Redacted.value(url),
        RENTPROG_BASE_URL: simulator.url,
        RENTPROG_TOKENS: JSON.stringify({ tbilisi: simulator.companyTokens[Branch.make("tbilisi")] }),
        JARVIS_PORT: port
      }
      /** As the guide says it. */
      const said = (text: string) =>
        usual(
          text.replaceAll(username, "jarvis").replaceAll(pathname.slice(1), "rental").replaceAll(port, "3000")
        )

      yield* run(...customer.filter((statement) => statement.startsWith("CREATE")), ...rows)
      for (const [id, mileage] of [
        [65311, 102035],
        [65400, 48250]
      ] as const) {
        yield* simulator.put("car", { id, company_id: 9247, mileage })
      }
      yield* simulator.put("client", { id: 77001, company_id: 9247, name: "Иван" })
      yield* simulator.put("booking", { id: 507616, company_id: 9247, car_id: 65311, client_id: 77001 })
      const before = yield* checksums

      const commands: Record<string, (...args: ReadonlyArray<string>) => Effect.Effect<string>> = {
        jarvis: (...args) => Effect.map(ran(settings, ...args), ({ stderr, stdout }) => stdout + stderr),
        export: (setting = "") =>
          Effect.sync(() => {
            const [name = "", value = ""] = setting.split("=")
            settings[name] = value
            return ""
          }),
        curl: (...args) => {
          const body = new URLSearchParams(args.filter((_, n) => args[n - 1] === "-d").join("&"))
          const there = (args.at(-1) ?? "").replace(":3000", `:${port}`)
          return Effect.promise(
            async () => `${await (await fetch(there, { method: "POST", body })).text()}\n`
          )
        }
      }

      const guide = yield* fs.readFileString(fileURLToPath(new URL("docs/adoption.md", root)))
      let table = ""
      let isServing = false
      for (const { heading, kind, text } of blocksOf(guide)) {
        if (heading === "Compare" && !isServing) {
          isServing = true
          yield* writeMore
          yield* serve(settings)
          yield* until(sql`SELECT FROM jarvis.events WHERE NOT events.processed`, (rows) => rows.length === 0)
        }
        if (kind === "sql") table = asTable(yield* sql.unsafe<Record<string, unknown>>(text))
        if (kind === "text") assert.strictEqual(table, text)
        if (kind !== "console") continue
        for (const step of text.split(/^\$ /m).slice(1)) {
          const [line = ""] = step.split("\n", 1)
          const [program = "", ...args] = line.replaceAll("'", "").split(" ")
          const run = commands[program]
          assert.isDefined(run, line)
          assert.match(said(yield* run(...args)), asPattern(step.slice(line.length + 1)), line)
        }
      }
      assert.deepStrictEqual(yield* checksums, before)
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
