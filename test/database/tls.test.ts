import { execFileSync } from "node:child_process"
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Result } from "effect"
import { inject } from "vitest"
import * as Database from "../../src/database/Database.ts"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { readTls } from "../../src/database/tls.ts"
import { root } from "../../src/root.ts"

/** Two authorities, and what the first of them has signed. */
const certificates = (directory: string) => {
  const openssl = (...args: ReadonlyArray<string>) =>
    execFileSync("openssl", [...args], { cwd: directory, stdio: "pipe" })
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  for (const name of ["ours", "others"]) {
    openssl("req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.crt`, "-subj", `/CN=${name}`)
  }
  const sign = (name: string, subject: string, ...extensions: ReadonlyArray<string>) => {
    const added = extensions.flatMap((extension) => ["-addext", extension])
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject, ...added)
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ours.crt", "-CAkey", "ours.key", "-CAcreateserial"],
      ...["-copy_extensions", "copy", "-out", `${name}.crt`]
    )
  }
  sign("server", "/CN=server", "subjectAltName=DNS:localhost")
  sign("client", "/CN=certified")
}

/** A server whose certificate is for `localhost`, and which also answers at 127.0.0.1. */
class TlsServer extends Context.Service<
  TlsServer,
  { readonly url: URL; readonly file: (name: string) => string }
>()("test/TlsServer") {
  static readonly layer = Layer.effect(
    TlsServer,
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "jarvis-tls-"))),
        (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
      )
      const file = (name: string) => join(directory, name)
      certificates(directory)
      const url = new URL(Redacted.value(yield* embeddedPostgres(file("data"))))
      const data = file("data/postgres")
      const { gid, uid } = statSync(data)
      for (const name of ["server.key", "server.crt", "ours.crt"]) {
        writeFileSync(join(data, name), readFileSync(file(name)), { mode: 0o600 })
        chownSync(join(data, name), uid, gid)
      }
      const access = [
        "hostssl   all certified 127.0.0.1/32 cert",
        "hostnossl all encrypted 127.0.0.1/32 reject",
        "hostssl   all open      127.0.0.1/32 reject",
        "host      all encrypted,open 127.0.0.1/32 trust"
      ]
      const hba = join(data, "pg_hba.conf")
      writeFileSync(hba, [...access, readFileSync(hba, "utf8")].join("\n"))
      yield* PgClient.PgClient.use((sql) =>
        Effect.forEach(
          [
            "ALTER SYSTEM SET ssl = on",
            "ALTER SYSTEM SET ssl_ca_file = 'ours.crt'",
            ...["certified", "encrypted", "open"].map((role) => `CREATE ROLE ${role} LOGIN`),
            "SELECT pg_reload_conf()"
          ],
          (statement) => sql.unsafe(statement)
        )
      ).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url.href) })))
      return { url, file }
    })
  ).pipe(Layer.provide(NodeServices.layer))
}

/** How one is connected with these parameters: `encrypted`, `plain`, or why not. */
const connected = (server: URL, given: Readonly<Record<string, string | undefined>>) => {
  const { host, user, ...parameters } = given
  const url = new URL(server)
  if (host !== undefined) url.hostname = host
  if (user !== undefined) url.username = user
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return PgClient.PgClient.use(
    (sql) => sql<{ readonly ssl: boolean }>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
  ).pipe(
    Effect.provide(Layer.fresh(Database.layer(Redacted.make(url.href)))),
    Effect.match({
      onSuccess: ([row]) => (row?.ssl ? "encrypted" : "plain"),
      onFailure: (error) => error.message
    })
  )
}

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const

/** What becomes of each mode: with no root, with the right one, and with somebody else's. */
const expected: {
  readonly [M in (typeof modes)[number]]: { readonly [host: string]: ReadonlyArray<string | RegExp> }
} = {
  disable: { localhost: ["plain", "plain", "plain"], "127.0.0.1": ["plain", "plain", "plain"] },
  allow: { localhost: ["plain", "plain", "plain"], "127.0.0.1": ["plain", "plain", "plain"] },
  prefer: {
    localhost: ["encrypted", "encrypted", "plain"],
    "127.0.0.1": ["encrypted", "encrypted", "plain"]
  },
  require: {
    localhost: ["encrypted", "encrypted", /certificate/],
    "127.0.0.1": ["encrypted", "encrypted", /certificate/]
  },
  "verify-ca": {
    localhost: [/sslrootcert/, "encrypted", /certificate/],
    "127.0.0.1": [/sslrootcert/, "encrypted", /certificate/]
  },
  "verify-full": {
    localhost: [/certificate/, "encrypted", /certificate/],
    "127.0.0.1": [/certificate/, /altnames/, /certificate/]
  }
}

layer(TlsServer.layer, { timeout: "2 minutes", excludeTestServices: true })("to a server with TLS", (it) => {
  it.effect.each(modes)("sslmode=%s means what it means in libpq", (sslmode) =>
    Effect.gen(function* () {
      const { file, url } = yield* TlsServer
      for (const [host, outcomes] of Object.entries(expected[sslmode])) {
        for (const [index, sslrootcert] of [undefined, file("ours.crt"), file("others.crt")].entries()) {
          const outcome = yield* connected(url, { host, sslmode, sslrootcert })
          const wished = outcomes[index] ?? ""
          if (typeof wished === "string") assert.strictEqual(outcome, wished, `${host} ${sslrootcert}`)
          else assert.match(outcome, wished, `${host} ${sslrootcert}`)
        }
      }
    })
  )

  it.effect("without sslmode TLS is preferred, and sslrootcert=system asks for everything", () =>
    Effect.gen(function* () {
      const { url } = yield* TlsServer
      assert.strictEqual(yield* connected(url, {}), "encrypted")
      assert.match(yield* connected(url, { host: "localhost", sslrootcert: "system" }), /certificate/)
    })
  )

  it.effect("sslrootcert=system trusts whom the machine trusts", () =>
    Effect.gen(function* () {
      const { file, url } = yield* TlsServer
      const to = Object.assign(new URL(url), { hostname: "localhost", search: "?sslrootcert=system" })
      const program = `
        import { PgClient } from "@effect/sql-pg"
        import { Effect, Redacted } from "effect"
        import * as Database from "./src/database/Database.ts"
        const ssl = PgClient.PgClient.use((sql) => sql\`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\`)
        const on = Database.layer(Redacted.make(process.env.URL))
        console.log(JSON.stringify(await Effect.runPromise(Effect.provide(ssl, on))))
      `
      // What a machine trusts, a program learns when it starts.
      const said = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
        cwd: root,
        env: { URL: to.href, SSL_CERT_FILE: file("ours.crt") },
        encoding: "utf8"
      })
      assert.strictEqual(said.trim(), '[{"ssl":true}]')
    })
  )

  it.effect("allow and prefer try the other way where the server wants it", () =>
    Effect.gen(function* () {
      const { url } = yield* TlsServer
      assert.strictEqual(yield* connected(url, { user: "encrypted", sslmode: "allow" }), "encrypted")
      assert.strictEqual(yield* connected(url, { user: "open", sslmode: "prefer" }), "plain")
      assert.match(yield* connected(url, { user: "open", sslmode: "require" }), /pg_hba/)
      assert.match(yield* connected(url, { user: "encrypted", sslmode: "disable" }), /pg_hba/)
    })
  )

  it.effect("sslcert and sslkey say who one is", () =>
    Effect.gen(function* () {
      const { file, url } = yield* TlsServer
      const own = { sslcert: file("client.crt"), sslkey: file("client.key") }
      const given = { user: "certified", sslmode: "require" }
      assert.strictEqual(yield* connected(url, { ...given, ...own }), "encrypted")
      assert.match(yield* connected(url, given), /certificate/)
    })
  )

  it.effect("a file that cannot be read is named", () =>
    Effect.gen(function* () {
      const { file, url } = yield* TlsServer
      const outcome = yield* connected(url, { sslmode: "verify-full", sslrootcert: file("none.crt") })
      assert.match(
        outcome,
        /^cannot connect to the database of DATABASE_URL: the file of sslrootcert cannot be read: ENOENT.*none\.crt/
      )
    })
  )
})

it.live("to a server without TLS, require and what is above it fail, and the others connect", () =>
  Effect.gen(function* () {
    const url = new URL(inject("serverUrl"))
    for (const sslmode of ["disable", "allow", "prefer", undefined]) {
      assert.strictEqual(yield* connected(url, { sslmode }), "plain", sslmode)
    }
    for (const sslmode of ["require", "verify-full"]) {
      assert.match(yield* connected(url, { sslmode }), /does not support TLS/, sslmode)
    }
  })
)

it.each([
  ["sslmode=sure", /sslmode/],
  ["sslrootcert=system&sslmode=require", /verify-full/],
  ["sslmode=verify-ca", /sslrootcert/],
  ["sslcert=/a.crt", /sslkey/],
  ["sslkey=/a.key", /sslcert/],
  ["sslcrl=/a.crl", /sslcrl/]
])("%s is no setting", (parameters, why) => {
  const read = readTls(Redacted.make(`postgres://jarvis@127.0.0.1/jarvis?${parameters}`))
  assert.match(Result.isFailure(read) ? read.failure : "", why)
})

it.each(["postgres://%2Frun/jarvis", "postgres:///jarvis?host=/run"])(
  "a Unix socket has no TLS, whatever is asked for: %s",
  (text) => {
    const url = new URL(text)
    url.searchParams.set("sslmode", "require")
    const read = readTls(Redacted.make(url.href))
    assert.strictEqual(Result.isSuccess(read) ? read.success.mode : "", "disable")
  }
)
