/** The settings: environment variables, decoded once. An empty variable counts as one that is not set. */
import {
  Config,
  Context,
  Duration,
  Effect,
  Layer,
  type LogLevel,
  Option,
  type Redacted,
  Schema,
  SchemaGetter,
  SchemaTransformation
} from "effect"
import { publicSchema, SchemaName } from "./database/SchemaName.ts"
import { readTls } from "./database/tls.ts"
import { Branch } from "./domain/Branch.ts"
import type { RentProgOptions } from "./rentprog/RentProg.ts"

/** A port of a host, by its name or its address. */
type Place = typeof HostAndPort.Type

export interface Cluster {
  /** Where the others of the cluster reach this process. */
  readonly address: Place
  /** Where it listens for them. */
  readonly listen: Place
}

export class Settings extends Context.Service<
  Settings,
  {
    /** None: an embedded PostgreSQL in `dataDirectory`. */
    readonly databaseUrl: Option.Option<Redacted.Redacted>
    /** Past a pooler, where `databaseUrl` leads through one. */
    readonly listenUrl: Option.Option<Redacted.Redacted>
    readonly dataDirectory: string
    /** Where everything that Jarvis creates lives. */
    readonly schema: SchemaName
    readonly rentprog: RentProgOptions
    readonly eventsFallbackInterval: Duration.Duration
    readonly historyFallbackInterval: Duration.Duration
    /** None: `pretty` on a terminal, else `logfmt`. */
    readonly logFormat: Option.Option<"pretty" | "logfmt" | "json">
    readonly logLevel: LogLevel.LogLevel
    /** Where spans and metrics go, if anywhere. */
    readonly otlpEndpoint: Option.Option<string>
    /** None: it works alone or stands by. */
    readonly cluster: Option.Option<Cluster>
    /** Where the HTTP server listens. */
    readonly host: string
    readonly port: number
    /** None: the admin API answers requests from this machine alone. */
    readonly adminToken: Option.Option<Redacted.Redacted>
    /** None: webhooks are taken from this machine alone. */
    readonly webhookToken: Option.Option<Redacted.Redacted>
  }
>()("jarvis/Settings") {
  static readonly layer: Layer.Layer<Settings, SettingError> = Layer.effect(
    Settings,
    Effect.gen(function* () {
      const url = yield* databaseUrl("DATABASE_URL")
      const listenUrl = yield* databaseUrl("JARVIS_LISTEN_URL")
      if (Option.isSome(listenUrl) && Option.isNone(url)) {
        return yield* new SettingError({ message: "JARVIS_LISTEN_URL must be left out without DATABASE_URL" })
      }
      const address = yield* optional(
        "JARVIS_CLUSTER",
        HostAndPort.check(Schema.makeFilter(({ host }) => !/^[0.:]+$/.test(host))),
        `${hostAndPort}, and not all addresses`
      )
      const listen = yield* optional("JARVIS_CLUSTER_LISTEN", HostAndPort, hostAndPort)
      if (Option.isSome(listen) && Option.isNone(address)) {
        return yield* new SettingError({
          message: "JARVIS_CLUSTER_LISTEN must be left out without JARVIS_CLUSTER"
        })
      }
      return Settings.of({
        databaseUrl: url,
        listenUrl,
        dataDirectory: yield* setting("JARVIS_DATA_DIR", Schema.String, "a directory", ".data"),
        schema: yield* setting(
          "JARVIS_SCHEMA",
          SchemaName,
          "the name of a schema: letters, digits, _ and -, at most 35 bytes, and none of PostgreSQL's own",
          publicSchema
        ),
        rentprog: {
          baseUrl: (yield* setting(
            "RENTPROG_BASE_URL",
            WebUrl,
            "an http:// or https:// URL",
            "https://rentprog.net/api/v1/public"
          )).replace(/\/+$/, ""),
          tokens: yield* setting(
            "RENTPROG_TOKENS",
            Tokens,
            'a JSON object, branch to company token: {"tbilisi":"…"}',
            new Map()
          ),
          userTokens: yield* setting(
            "RENTPROG_HISTORY_TOKENS",
            Tokens,
            'a JSON object, branch to user token: {"tbilisi":"…"}',
            new Map()
          ),
          readsPerMinute: yield* setting(
            "RENTPROG_READS_PER_MINUTE",
            PerMinute,
            "a whole number from 1 to 6000",
            60
          ),
          searchesPerMinute: yield* setting(
            "RENTPROG_SEARCHES_PER_MINUTE",
            PerMinute,
            "a whole number from 1 to 6000",
            10
          )
        },
        eventsFallbackInterval: yield* setting(
          "EVENTS_FALLBACK_INTERVAL",
          Interval,
          'a duration of at least 100 millis, such as "30 seconds"',
          Duration.seconds(30)
        ),
        historyFallbackInterval: yield* setting(
          "HISTORY_FALLBACK_INTERVAL",
          Interval,
          'a duration of at least 100 millis, such as "1 minute"',
          Duration.minutes(1)
        ),
        logFormat: yield* optional("LOG_FORMAT", LogFormat, "pretty, logfmt or json"),
        logLevel:
          logLevels[
            yield* setting("LOG_LEVEL", LogLevelName, "trace, debug, info, warn, error or none", "info")
          ],
        otlpEndpoint: yield* optional("OTEL_EXPORTER_OTLP_ENDPOINT", WebUrl, "an http:// or https:// URL"),
        cluster: Option.map(address, (address) => ({
          address,
          listen: Option.getOrElse(listen, () => address)
        })),
        host: yield* setting("JARVIS_HOST", Host, "a host name or an IP address", "127.0.0.1"),
        port: yield* setting("JARVIS_PORT", Port, "a whole number from 0 to 65535", 3000),
        adminToken: yield* optional("JARVIS_ADMIN_TOKEN", Secret, secretForm),
        webhookToken: yield* optional("JARVIS_WEBHOOK_TOKEN", Secret, secretForm)
      })
    })
  )
}

/** A setting that does not parse. The message names it and says what it takes, but never what it holds. */
export class SettingError extends Schema.TaggedError<SettingError>()("SettingError", {
  message: Schema.String
}) {}

const optional = <A>(name: string, codec: Schema.ConstraintCodec<A, unknown>, takes: string) =>
  Config.option(Config.schema(codec, name)).pipe(
    Effect.mapError(() => new SettingError({ message: `${name} must be ${takes}` }))
  )

const setting = <A>(
  name: string,
  codec: Schema.ConstraintCodec<A, unknown>,
  takes: string,
  fallback: NoInfer<A>
) =>
  Effect.map(
    optional(name, codec, takes),
    Option.getOrElse(() => fallback)
  )

const databaseUrl = (name: string) =>
  optional(name, DatabaseUrl, "a postgres:// URL").pipe(
    Effect.tap((url) =>
      Effect.mapError(
        Effect.forEach(Option.toArray(url), (url) => Effect.fromResult(readTls(url)), { discard: true }),
        (takes) => new SettingError({ message: `${name} must be ${takes}` })
      )
    )
  )

const oneOf = <const L extends ReadonlyArray<string>>(...names: L) =>
  Schema.String.pipe(
    Schema.decode(SchemaTransformation.toLowerCase()),
    Schema.decodeTo(Schema.Literals(names))
  )

const logLevels = {
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None"
} as const
const LogLevelName = oneOf("trace", "debug", "info", "warn", "error", "none")
const LogFormat = oneOf("pretty", "logfmt", "json")
const isUrl = Schema.makeFilter((text: string) => URL.canParse(text))
const WebUrl = Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s/]\S*$/), isUrl)
const DatabaseUrl = Schema.Redacted(Schema.String.check(Schema.isPattern(/^postgres(ql)?:\/\/\S+$/), isUrl))
const PerMinute = Schema.FiniteFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: 6000 })
)
const Interval = Schema.DurationFromString.check(
  Schema.makeFilter((interval) => Duration.toMillis(interval) >= 100 && Duration.isFinite(interval))
)
const Host = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._:-]+$/))
/** 0: whichever is free. */
const Port = Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 }))
const hostAndPort = "host:port, such as 10.0.0.5:34431 or [::1]:34431"
const HostAndPort = Schema.TemplateLiteralParser([
  Schema.String.check(Schema.isPattern(/^(\[[A-Fa-f0-9:.]+\]|[A-Za-z0-9._-]+)$/)),
  ":",
  Port.check(Schema.isGreaterThan(0))
]).pipe(
  Schema.decodeTo(Schema.Struct({ host: Schema.String, port: Schema.Int }), {
    decode: SchemaGetter.transform(([host, , port]) => ({ host: host.replace(/^\[|\]$/g, ""), port })),
    encode: SchemaGetter.transform(
      ({ host, port }) => [host.includes(":") ? `[${host}]` : host, ":" as const, port] as const
    )
  })
)
/** As a header can carry it, and too long to be guessed. */
const Secret = Schema.Redacted(Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{16,200}$/)))
const secretForm = "16 to 200 characters of ASCII without spaces"
const Tokens = Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)).pipe(
  Schema.decodeTo(Schema.ReadonlyMap(Branch, Schema.RedactedFromValue(Schema.NonEmptyString)), {
    decode: SchemaGetter.transform((tokens) => new Map(Object.entries(tokens))),
    encode: SchemaGetter.transform((tokens) => Object.fromEntries(tokens))
  })
)
