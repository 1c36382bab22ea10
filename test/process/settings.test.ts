import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Option, Redacted } from "effect"
import { Settings } from "../../src/Settings.ts"
import { ran } from "./program.ts"

/** A part of each wrong value that must not be told, as it might be part of a secret. */
const secret = "hush-hush"

/** As short as a token may be. */
const longSecret = `${secret}-secret`

const wrong: ReadonlyArray<readonly [name: string, value: string]> = [
  ["LOG_LEVEL", secret],
  ["LOG_FORMAT", secret],
  ["RENTPROG_TOKENS", `{"tbilisi": "${secret}`],
  ["RENTPROG_TOKENS", `["${secret}"]`],
  ["RENTPROG_TOKENS", `{"${secret}": 7}`],
  ["RENTPROG_TOKENS", `{"${secret}": ""}`],
  ["RENTPROG_TOKENS", `{"": "${secret}"}`],
  ["RENTPROG_READS_PER_MINUTE", secret],
  ["RENTPROG_READS_PER_MINUTE", "0"],
  ["RENTPROG_READS_PER_MINUTE", "6001"],
  ["RENTPROG_READS_PER_MINUTE", "1.5"],
  ["RENTPROG_READS_PER_MINUTE", "Infinity"],
  ["RENTPROG_SEARCHES_PER_MINUTE", "0"],
  ["RENTPROG_SEARCHES_PER_MINUTE", "6001"],
  ["RENTPROG_SEARCHES_PER_MINUTE", "2.5"],
  ["EVENTS_FALLBACK_INTERVAL", secret],
  ["EVENTS_FALLBACK_INTERVAL", "30"],
  ["EVENTS_FALLBACK_INTERVAL", "0 seconds"],
  ["EVENTS_FALLBACK_INTERVAL", "-1 minutes"],
  ["EVENTS_FALLBACK_INTERVAL", "Infinity"],
  ["DATABASE_URL", secret],
  ["DATABASE_URL", `mysql://jarvis:${secret}@127.0.0.1/jarvis`],
  ["DATABASE_URL", `postgres://jarvis:${secret}@127.0.0.1:99999/jarvis`],
  ["DATABASE_URL", `postgres://jarvis:${secret}@[127.0.0.1/jarvis`],
  ["DATABASE_URL", `postgres://jarvis@127.0.0.1/jarvis?sslmode=${secret}`],
  [
    "DATABASE_URL",
    `postgres://jarvis@127.0.0.1/jarvis?sslrootcert=system&sslmode=require&sslpassword=${secret}`
  ],
  ["JARVIS_LISTEN_URL", `mysql://jarvis:${secret}@127.0.0.1/jarvis`],
  ["JARVIS_LISTEN_URL", `postgres://jarvis:${secret}@127.0.0.1/jarvis`],
  ["RENTPROG_BASE_URL", secret],
  ["RENTPROG_BASE_URL", "ftp://rentprog.test"],
  ["RENTPROG_BASE_URL", `http://${secret}:99999`],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", secret],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://["],
  ["JARVIS_CLUSTER", secret],
  ["JARVIS_CLUSTER", `${secret}:0`],
  ["JARVIS_CLUSTER", `${secret}:65536`],
  ["JARVIS_CLUSTER", `${secret} :34431`],
  ["JARVIS_CLUSTER", "::1:34431"],
  ["JARVIS_CLUSTER", "0.0.0.0:34431"],
  ["JARVIS_CLUSTER", "[::]:34431"],
  ["JARVIS_CLUSTER_LISTEN", secret],
  ["JARVIS_CLUSTER_LISTEN", "127.0.0.1:34431"],
  ["JARVIS_HOST", `${secret} elsewhere`],
  ["JARVIS_PORT", secret],
  ["JARVIS_PORT", "65536"],
  ["JARVIS_PORT", "-1"],
  ["JARVIS_ADMIN_TOKEN", `${secret} ${secret} ${secret}`],
  ["JARVIS_ADMIN_TOKEN", `${secret}-${secret}`.slice(0, 15)],
  ["JARVIS_WEBHOOK_TOKEN", `${secret}-${secret}\n`],
  ["JARVIS_WEBHOOK_TOKEN", `${secret}-${secret}`.slice(0, 15)]
]

describe.concurrent("a setting that does not parse", () => {
  it.effect.each(wrong)("is named, and what it holds is not told: %s %s", ([name, value]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Settings.pipe(
          Effect.provide(Settings.layer),
          Effect.provideService(
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnv({ env: { [name]: value } })
          )
        )
      )
      assert.match(error.message, new RegExp(`^${name} must be .+$`))
      assert.notInclude(error.message, secret)
    })
  )

  const first = new Map(wrong.toReversed())
  it.live.each([...first])("stops the start with one line: %s %s", ([name, value]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({ [name]: value })
      assert.strictEqual(code, 1)
      assert.match(stderr, new RegExp(`^jarvis: ${name} must be .+\\n$`))
      assert.strictEqual(stdout, "")
      assert.notInclude(stderr, secret)
    })
  )
})

describe.concurrent("settings", () => {
  const read = (env: Record<string, string>) =>
    Settings.pipe(
      Effect.provide(Settings.layer),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
    )

  it.effect.each([{}, Object.fromEntries(wrong.map(([name]) => [name, ""]))])(
    "that are not set, or empty, have their defaults: %o",
    (env) =>
      Effect.gen(function* () {
        const settings = yield* read(env)
        assert.deepInclude(settings, {
          databaseUrl: Option.none(),
          listenUrl: Option.none(),
          dataDirectory: ".data",
          eventsFallbackInterval: Duration.seconds(30),
          logFormat: Option.none(),
          logLevel: "Info",
          otlpEndpoint: Option.none(),
          cluster: Option.none(),
          host: "127.0.0.1",
          port: 3000,
          adminToken: Option.none(),
          webhookToken: Option.none()
        })
        assert.deepInclude(settings.rentprog, {
          baseUrl: "https://rentprog.net/api/v1/public",
          tokens: new Map(),
          readsPerMinute: 60,
          searchesPerMinute: 10
        })
      })
  )

  it.effect.each([
    [{ JARVIS_CLUSTER: "jarvis-1.internal:34431" }, "jarvis-1.internal", "jarvis-1.internal", 34431],
    [{ JARVIS_CLUSTER: "[::1]:34431" }, "::1", "::1", 34431],
    [{ JARVIS_CLUSTER: "10.0.0.5:34431", JARVIS_CLUSTER_LISTEN: "0.0.0.0:1" }, "10.0.0.5", "0.0.0.0", 1]
  ] as const)(
    "say where a process of a cluster is reached, and where it listens: %o",
    ([env, host, at, port]) =>
      Effect.gen(function* () {
        const { cluster } = yield* read(env)
        assert.deepStrictEqual(
          cluster,
          Option.some({ address: { host, port: 34431 }, listen: { host: at, port } })
        )
      })
  )

  it.effect("that are set are read, in any case where they are words", () =>
    Effect.gen(function* () {
      const settings = yield* read({
        DATABASE_URL: `postgresql://jarvis:${secret}@127.0.0.1/jarvis`,
        JARVIS_DATA_DIR: "/var/lib/jarvis",
        RENTPROG_BASE_URL: "http://127.0.0.1:8080/api/",
        RENTPROG_TOKENS: `{"tbilisi": "${secret}"}`,
        RENTPROG_READS_PER_MINUTE: "6000",
        RENTPROG_SEARCHES_PER_MINUTE: "30",
        EVENTS_FALLBACK_INTERVAL: "2 minutes",
        LOG_FORMAT: "JSON",
        LOG_LEVEL: "Warn",
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
        JARVIS_HOST: "0.0.0.0",
        JARVIS_PORT: "8080",
        JARVIS_ADMIN_TOKEN: longSecret,
        JARVIS_WEBHOOK_TOKEN: longSecret
      })
      assert.deepInclude(settings, {
        dataDirectory: "/var/lib/jarvis",
        eventsFallbackInterval: Duration.minutes(2),
        logFormat: Option.some("json" as const),
        logLevel: "Warn",
        otlpEndpoint: Option.some("http://127.0.0.1:4318"),
        host: "0.0.0.0",
        port: 8080
      })
      const { adminToken, databaseUrl, rentprog, webhookToken } = settings
      assert.strictEqual(rentprog.baseUrl, "http://127.0.0.1:8080/api")
      assert.deepStrictEqual([rentprog.readsPerMinute, rentprog.searchesPerMinute], [6000, 30])
      assert.notInclude(inspect([adminToken, databaseUrl, rentprog, webhookToken], { depth: null }), secret)
      for (const token of [adminToken, webhookToken]) {
        assert.strictEqual(Redacted.value(Option.getOrThrow(token)), longSecret)
      }
      assert.deepStrictEqual(
        [...rentprog.tokens].map(([branch, token]) => [branch, Redacted.value(token)]),
        [["tbilisi", secret]]
      )
      assert.include(Redacted.value(Option.getOrThrow(databaseUrl)), secret)
    })
  )
})
