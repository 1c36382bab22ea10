/**
 * Who runs the embedded server. PostgreSQL refuses to run as root; and whoever may run SQL as its superuser may run programs as
 * the server's user (`COPY … FROM PROGRAM`), who therefore must not be one that can reach root's files.
 */
import { Effect, FileSystem, Option, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

/** Whose rights the server's programs have. */
export interface ServerUser {
  /** What stands before their command lines. */
  readonly prefix: ReadonlyArray<string>
  readonly uid: number
  readonly gid: number
  /** What is to be said of it. */
  readonly warning: Option.Option<string>
}

/** What a server may know of our environment, which holds secrets: its superuser can have it printed. */
const environment = Object.fromEntries(
  ["PATH", "TZ", "SystemRoot", "TEMP"].flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]]
  )
)

/** One program, to its end. */
export const run = Effect.fnUntraced(function* (command: ReadonlyArray<string>) {
  const [program = "", ...args] = command
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner.spawn(ChildProcess.make(program, args, { env: environment, extendEnv: false }))
  const output = yield* child.all.pipe(Stream.decodeText, Stream.mkString)
  return { output: output.trim(), ok: (yield* child.exitCode) === 0 }
}, Effect.scoped)

const works = (command: ReadonlyArray<string>) =>
  run(command).pipe(
    Effect.map(({ ok }) => ok),
    Effect.orElseSucceed(() => false)
  )

/** Whoever starts the service, where that is not root. */
const self: ServerUser = {
  prefix: [],
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  warning: Option.none()
}

/** In a user namespace root is called somebody else, and yet reaches the same files. */
const rootByAnotherName: ServerUser = {
  prefix: ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"],
  uid: 0,
  gid: 0,
  warning: Option.some(
    "embedded PostgreSQL runs with root's rights, and whoever may run SQL there can reach root's files: run Jarvis as another user, or have it and JARVIS_DATA_DIR where the user nobody can reach them"
  )
}

/** The user that owns nothing, where the machine has one. The user postgres owns the data of the machine's own PostgreSQL. */
const nobody = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const passwd = yield* Effect.orElseSucceed(fs.readFileString("/etc/passwd"), () => "")
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
  return uid === undefined || gid === undefined ? [] : [userOf(Number(uid), Number(gid))]
})

const userOf = (uid: number, gid: number): ServerUser => ({
  prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--no-new-privs", "--"],
  uid,
  gid,
  warning: Option.none()
})

/** What Jarvis puts into its directory. */
const ours = /^(database-url|postgres(\.log|\.new-.*)?)$/

/**
 * Whether the user reaches the programs and the directory. One that is closed to others, and has nothing in it that is not
 * ours, is opened to their group; where that does not help it is as it was.
 */
const reaches = Effect.fnUntraced(function* (
  { gid, prefix }: ServerUser,
  program: string,
  directory: string
) {
  const fs = yield* FileSystem.FileSystem
  const sees = works([...prefix, "test", "-x", directory])
  if (!(yield* works([...prefix, program, "--version"]))) return false
  if (yield* sees) return true
  if (!(yield* fs.readDirectory(directory)).every((name) => ours.test(name))) return false
  const was = yield* fs.stat(directory)
  const uid = Option.getOrElse(was.uid, () => 0)
  const give = (group: number, mode: number) =>
    // The mode comes second: a new group may take bits of it away.
    Effect.andThen(fs.chown(directory, uid, group), fs.chmod(directory, mode & 0o7777))
  const giveBack = give(
    Option.getOrElse(was.gid, () => 0),
    was.mode
  )
  return yield* Effect.andThen(give(gid, was.mode | 0o010), sees).pipe(
    Effect.tap((seen) => (seen ? Effect.void : giveBack)),
    Effect.onError(() => Effect.ignore(giveBack))
  )
})

/** Who runs the server whose data stands, or is to stand, in `data` inside `directory`; `initdb` and `pg_ctl` are its programs. */
export const serverUser = Effect.fnUntraced(function* (
  programs: { readonly initdb: string; readonly pg_ctl: string },
  directory: string,
  data: string
) {
  if (self.uid !== 0 || process.getuid === undefined) return self
  const fs = yield* FileSystem.FileSystem
  const owner = yield* Effect.option(fs.stat(data))
  if (Option.isSome(owner)) {
    const uid = Option.getOrElse(owner.value.uid, () => 0)
    const isRoots = uid === 0
    // One that an earlier Jarvis left running goes on as it is.
    if (isRoots && (yield* works([...rootByAnotherName.prefix, programs.pg_ctl, "status", "-D", data]))) {
      return rootByAnotherName
    }
    if (!isRoots)
      return userOf(
        uid,
        Option.getOrElse(owner.value.gid, () => uid)
      )
  }
  for (const user of yield* nobody) {
    if (yield* reaches(user, programs.initdb, directory)) return user
  }
  return rootByAnotherName
})
