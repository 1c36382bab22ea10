/** What stands in deploy/ for systemd and Docker, held to what the program really needs. */
import { execFile, spawnSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { root } from "../../src/root.ts"
import { addressOf, runThere, said, started } from "../process/program.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const path = (name: string) => fileURLToPath(new URL(name, root))
const read = (name: string) => readFileSync(path(`deploy/${name}`), "utf8")

const temporary = FileSystem.FileSystem.use((fs) =>
  fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
).pipe(Effect.provide(NodeServices.layer))

describe("the image", () => {
  /** The instructions of its last stage. */
  const lines = (
    read("Dockerfile")
      .split(/^FROM /m)
      .at(-1) ?? ""
  ).split("\n")
  const copied = lines.flatMap((line) => /^COPY --from=build \/jarvis\/(\S+) /.exec(line)?.[1] ?? [])
  const commandOf = (instruction: RegExp) =>
    Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.String)))(
      lines.flatMap((line) => instruction.exec(line)?.[1] ?? [])[0]
    )

  /** The folder that it consists of, as the Dockerfile makes it of a build. */
  const folder = Effect.map(temporary, (directory) => {
    for (const name of copied) cpSync(path(name), join(directory, name), { recursive: true })
    for (const name of readdirSync(join(directory, "dist"))) {
      if (name.endsWith(".map")) rmSync(join(directory, "dist", name))
    }
    return directory
  })

  it.live("serves with nothing but its own folder, and its health check finds it alive, and dead", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const DATABASE_URL = Redacted.value((yield* TestDatabase).url)
      const [, main = ""] = yield* commandOf(/^ENTRYPOINT (.*)$/)
      const program = yield* runThere(join(directory, main), { DATABASE_URL })
      yield* said(program, started)
      const address = addressOf(program)
      const [, ...check] = yield* commandOf(/^HEALTHCHECK .*CMD (.*)$/)
      const isAlive = Effect.promise(() =>
        promisify(execFile)(process.execPath, check, { env: { JARVIS_PORT: new URL(address).port } }).then(
          () => true,
          () => false
        )
      )
      assert.isTrue(yield* isAlive)
      // A file that is loaded when it is asked for.
      const { status } = yield* Effect.promise(() => fetch(`${address}/docs`))
      assert.strictEqual(status, 200)
      yield* program.signal("SIGKILL")
      yield* program.exit
      assert.isFalse(yield* isAlive)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("is small, and has no packages, no PostgreSQL and no root", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
      assert.isFalse(files.some((name) => name.includes("node_modules") || name.includes("postgres.")))
      const size = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
      assert.isBelow(size, 10_000_000)
      assert.match(lines.findLast((line) => line.startsWith("USER ")) ?? "", /^USER (?!root\b|0\b)\w/)
    }).pipe(Effect.scoped)
  )

  it.live("can be built of what the build is given, among which are no settings of whoever builds it", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const [all, ...kept] = read("Dockerfile.dockerignore")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
      assert.strictEqual(all, "*")
      for (const line of kept) {
        const [, name = ""] = /^!([\w.-]+)$/.exec(line) ?? []
        assert.notStrictEqual(name, "", line)
        cpSync(path(name), join(directory, name), { recursive: true })
      }
      const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
      assert.deepStrictEqual(
        files.filter((name) => /(^|\/)(\.|node_modules)/.test(name)),
        []
      )
      const asked = read("Dockerfile").matchAll(/^COPY (?!--from)(.*) \S+$/gm)
      for (const [, names = ""] of asked) {
        for (const name of names.split(" ")) assert.isTrue(existsSync(join(directory, name)), name)
      }
      symlinkSync(path("node_modules"), join(directory, "node_modules"))
      yield* Effect.promise(() => promisify(execFile)("npm", ["run", "prepare"], { cwd: directory }))
      for (const name of copied) assert.isTrue(existsSync(join(directory, name)), name)
    }).pipe(Effect.scoped)
  )
})

describe("the compose file", () => {
  const Service = Schema.Struct({
    image: Schema.optionalKey(Schema.String),
    environment: Schema.Record(Schema.String, Schema.String),
    ports: Schema.optionalKey(Schema.Array(Schema.String)),
    read_only: Schema.optionalKey(Schema.Boolean)
  })
  const Compose = Schema.Struct({
    services: Schema.Struct({ postgres: Service, jarvis: Service }),
    volumes: Schema.Record(Schema.String, Schema.Null)
  })

  it.effect("lets in this machine alone, and tells Jarvis where PostgreSQL is", () =>
    Effect.gen(function* () {
      const { services, volumes } = yield* Schema.decodeUnknownEffect(Compose)(
        Yaml.parse(read("docker-compose.yml"))
      )
      const { JARVIS_HOST, JARVIS_PORT } = services.jarvis.environment
      assert.strictEqual(JARVIS_HOST, "0.0.0.0")
      assert.isNotEmpty(services.jarvis.ports)
      for (const port of services.jarvis.ports ?? []) {
        assert.match(port, new RegExp(`^127\\.0\\.0\\.1:\\d+:${JARVIS_PORT}$`))
      }
      assert.deepStrictEqual([services.postgres.ports, Object.keys(volumes)], [undefined, ["postgres"]])
      // Without a password of Jarvis's nothing starts.
      assert.match(
        services.jarvis.environment["DATABASE_URL"] ?? "",
        /:\$\{JARVIS_DB_PASSWORD:\?.+\}@postgres:5432\/jarvis/
      )
      assert.isTrue(services.jarvis.read_only)
      // .env, which Jarvis is given as a whole, has the superuser's password as well.
      assert.strictEqual(services.jarvis.environment["POSTGRES_PASSWORD"], "")
    })
  )
})

const analyze = (...args: ReadonlyArray<string>) =>
  spawnSync("systemd-analyze", args, { encoding: "utf8", env: { ...process.env, SYSTEMD_COLORS: "0" } })
const hasSystemd = analyze("--version").status === 0

describe.skipIf(!hasSystemd)("the unit (skipped without systemd-analyze)", () => {
  /** With the Node that there is here. */
  const unit = Effect.map(temporary, (directory) => {
    const file = join(directory, "jarvis-api.service")
    writeFileSync(file, read("jarvis-api.service").replaceAll("/usr/bin/node", process.execPath))
    return file
  })

  it.live("is verified without a word", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = analyze("verify", yield* unit)
      assert.deepStrictEqual([status, stdout, stderr], [0, "", ""])
    }).pipe(Effect.scoped)
  )

  it.live("is exposed to less than 2.5", () =>
    Effect.gen(function* () {
      const { status, stdout } = analyze("security", "--offline=true", "--threshold=25", yield* unit)
      assert.strictEqual(status, 0, stdout)
      assert.match(stdout, /Overall exposure level for jarvis-api\.service: [01]\.\d/)
    }).pipe(Effect.scoped)
  )
})
