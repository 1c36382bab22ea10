/** The connection that doctor looks at a database through. It starts no server. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import * as Database from "../database/Database.ts"
import { within } from "../database/within.ts"
import { Settings } from "../Settings.ts"
import { ok, wrong } from "./Check.ts"

const limit = Duration.seconds(6)

/** The URL of the settings, or of the embedded server that the service has started. */
const findUrl = Effect.gen(function* () {
  const { databaseUrl, dataDirectory } = yield* Settings
  if (Option.isSome(databaseUrl)) return databaseUrl
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(`${dataDirectory}/database-url`).pipe(
    Effect.map((text) => Redacted.make(text.trim())),
    Effect.option
  )
})

/** That the database does not answer, and what to do. */
export const lost = (why: string) =>
  Settings.useSync(({ databaseUrl, dataDirectory }) =>
    wrong(
      // Of a pooler it says already what to do.
      why.endsWith(Database.whatAPoolerNeeds)
        ? why
        : Option.isSome(databaseUrl)
          ? `${why}: see that PostgreSQL runs there and takes connections from here, and that host, port, user, password and database are right`
          : `the embedded PostgreSQL of ${dataDirectory} does not answer: it runs while Jarvis does, so start Jarvis`
    )
  )

/** A pool until the scope closes, where there can be one, and what is to be said of it. */
export const connect = Effect.gen(function* () {
  const { databaseUrl, dataDirectory, listenUrl, schema } = yield* Settings
  const url = yield* findUrl
  if (Option.isNone(url)) {
    return {
      sql: Option.none<PgClient.PgClient>(),
      outcome: wrong(
        `DATABASE_URL is not set, and no embedded PostgreSQL has kept data in ${dataDirectory} yet: set it, or start Jarvis`
      )
    }
  }
  const which = Option.isSome(listenUrl)
    ? "DATABASE_URL and JARVIS_LISTEN_URL take"
    : Option.isSome(databaseUrl)
      ? "DATABASE_URL takes"
      : `the embedded PostgreSQL of ${dataDirectory} takes`
  return yield* Layer.build(Database.layer(url.value, schema, listenUrl)).pipe(
    Effect.map((context) => ({
      sql: Option.some(Context.get(context, PgClient.PgClient)),
      outcome: ok(`${which} connections`)
    })),
    within(limit),
    Effect.catch(({ message }) =>
      Effect.map(lost(message), (outcome) => ({ sql: Option.none<PgClient.PgClient>(), outcome }))
    )
  )
})
