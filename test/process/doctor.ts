/** What `jarvis doctor` says where all is well, or all but something. */
import { assert } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import { ident } from "../../src/database/preflight/names.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { ran } from "./program.ts"

export const place = ident(inject("schema"))
export const surroundings = Layer.merge(testDatabase, Simulator.layer())

/** The test's database, and the tokens of a branch. */
export const healthy = Effect.gen(function* () {
  const { companyTokens, url, userTokens } = yield* Simulator
  const tbilisi = (tokens: typeof companyTokens) =>
    JSON.stringify(Object.fromEntries(Object.entries(tokens).filter(([branch]) => branch === "tbilisi")))
  return {
    DATABASE_URL: Redacted.value((yield* TestDatabase).url),
    RENTPROG_BASE_URL: url,
    RENTPROG_TOKENS: tbilisi(companyTokens),
    RENTPROG_HISTORY_TOKENS: tbilisi(userTokens)
  }
})

const well = {
  settings: "✓ each of them can be read",
  connection: "✓ DATABASE_URL takes connections",
  rights: "✓ ROLE may do what the service does",
  preflight: "✓ nothing is in Jarvis's way",
  versions: "✓ PostgreSQL N, N migrations, functions N",
  "trigger on events": "✓ auto_process_event_trigger is there and enabled",
  "trigger on history": "✓ auto_process_history_trigger is there and enabled",
  writes: "✓ a row was written, and taken back",
  notifications: "✓ one to itself came back",
  clock: "✓ this machine's and the server's are less than 2 s apart",
  disk: "– the server's cannot be seen from here; the database takes N kB of it",
  service:
    "– JARVIS_PORT is 0, so nobody knows where it is; calls of RentProg are made without it, and counted in no quota",
  "token of tbilisi": "✓ RentProg takes it",
  "log token of tbilisi": "✓ RentProg takes it"
}
type Name = keyof typeof well

export const unseen = (why: string, ...names: ReadonlyArray<Name>): Partial<Record<Name, string>> =>
  Object.fromEntries(names.map((name) => [name, `– not looked at: see ${why}`]))

/** The whole text, where all is well but this. */
export const text = (but: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...well, ...but })
    .map(([name, said]) => `${said[0]} ${name.padEnd("log token of tbilisi".length)}  ${said.slice(2)}\n`)
    .join("")

/** What another server, day or version says otherwise. */
const varying: ReadonlyArray<readonly [RegExp, string]> = [
  [/PostgreSQL [\d.]+/, "PostgreSQL N"],
  [/\d+ migrations, functions \d+/, "N migrations, functions N"],
  [/this one has \d+/, "this one has N"],
  [/takes \d+ [kM]B/, "takes N kB"],
  [/and \d+ more/g, "and N more"]
]

/** The tests' owner has his name as his password. */
const passwordOf = (settings: Readonly<Record<string, string>>): string => {
  const { password } = new URL(settings["DATABASE_URL"] ?? "")
  return password === "owner" ? ":owner@" : password
}

/** What nobody may read in an answer. */
const secretsOf = (settings: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  [
    settings["DATABASE_URL"] ?? "",
    passwordOf(settings),
    settings["JARVIS_ADMIN_TOKEN"] ?? "",
    ...["RENTPROG_TOKENS", "RENTPROG_HISTORY_TOKENS"].flatMap((name) =>
      Array.from((settings[name] ?? "").matchAll(/:"([^"]+)"/g), ([, token]) => token ?? "")
    )
  ].filter((secret) => secret !== "")

export const examined = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { code, stderr, stdout } = yield* ran(settings, "doctor")
  assert.strictEqual(stderr, "")
  for (const secret of secretsOf(settings)) assert.notInclude(stdout, secret)
  const { pathname, username } = new URL(settings["DATABASE_URL"] ?? "")
  const owner = new URL(Redacted.value((yield* TestDatabase).url)).username
  const named = stdout
    .replaceAll(username, "ROLE")
    .replaceAll(owner, "OWNER")
    .replaceAll(pathname.slice(1), "NAME")
  return { code, said: varying.reduce((text, [pattern, by]) => text.replace(pattern, by), named) }
})
