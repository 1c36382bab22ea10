import { Clock, DateTime, Duration, Effect, Metric, Option } from "effect"
import { History } from "../database/History.ts"
import type { Branch } from "../domain/Branch.ts"
import type { LogEntry } from "../domain/History.ts"
import {
  type Descent,
  descend,
  isWhole,
  type LogProgress,
  pageAfter,
  stretchesOf,
  touchGround
} from "../domain/LogProgress.ts"
import {
  type DatabaseError,
  loggableReason,
  RentProgBadResponse,
  RentProgNotFound,
  reasonText
} from "../domain/Reason.ts"
import { ordinaryPage, sizeByFirst } from "../rentprog/Addresses.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { Health } from "./Health.ts"

/** Where nothing but a time says how far a log has been read, the minutes before it are read again. */
const overlap = Duration.toMillis("10 minutes")

/** How much of a log is read that was never read before. */
const firstReading = Duration.toMillis("1 day")

/** How long before its end a user token is called one to replace. */
const tokenWarning = Duration.days(5)

const readUntil = Metric.gauge("jarvis_log_read_until_seconds", {
  description: "Until when the operations log of a branch is known, in seconds since 1970"
})
export const readable = Metric.gauge("jarvis_log_readable", {
  description: "1 for each branch whose operations log was read the last time, 0 where that failed"
})

/** What a reading works with. */
interface Reading {
  readonly branch: Branch
  /** When it began, in milliseconds since 1970. */
  readonly began: number
  readonly known: LogProgress
  /** Writes a page down, and how far the log is known with it. */
  readonly write: (
    entries: ReadonlyArray<LogEntry>,
    progress: LogProgress
  ) => Effect.Effect<void, DatabaseError>
  /** Whether a person holds the branch by now. */
  readonly isPaused: Effect.Effect<boolean, DatabaseError>
}

const idOf = ({ operationId }: LogEntry) => Number(operationId)

/** What has no time is before no other. */
const isBefore = ({ createdAt }: LogEntry, millis: number): boolean =>
  createdAt !== null && Date.parse(createdAt) < millis

/** Down from the newest entry until everything is written down. */
const search = Effect.fnUntraced(function* ({ began, branch, isPaused, known, write }: Reading) {
  const rentprog = yield* RentProg
  const ground = known.stretches.find(({ from }) => from === 0)
  // Where no number says where the known part of the log ends, its time does.
  const from = ground === undefined ? known.readUntil - overlap : known.readFrom
  /** What appears is wanted, whenever it was made. */
  const isWanted = (entry: LogEntry): boolean =>
    !isBefore(entry, from) || (ground !== undefined && idOf(entry) > ground.to)
  let descent: Descent = { reached: null, below: known.stretches }
  let size = ordinaryPage
  let before: ReadonlyArray<number> = []
  let repeats = 0
  for (let page = 1, last = 0; ; ) {
    if (yield* isPaused) return
    const { entries, length } = yield* rentprog.searchLog(branch, page)
    const ids = entries.map(idOf)
    const { reached } = descent
    // A leap over what is written down went too far.
    if (page > last + 1 && reached !== null && ids.every((id) => id < reached.from)) {
      page -= 1
      continue
    }
    // Or all that is missing below would be taken for read.
    if (length === 0 && known.stretches.length > 0 && page === 1) {
      return yield* new RentProgBadResponse({ detail: "the log came empty, though entries of it are known" })
    }
    if (page === 1) size = sizeByFirst(length)
    repeats = page === last + 1 && String(ids) === String(before) ? repeats + 1 : 0
    // A server may repeat its last page for ever; but so may a page that as many new entries pushed down, once.
    const isEnd = length < ordinaryPage || repeats === 2
    descent = descend(descent, ids, page * size)
    // What has no time does not say where the wanted ones end.
    const dated = entries.filter(({ createdAt }) => createdAt !== null)
    const isOld = ground === undefined && dated.length > 0 && !dated.some(isWanted)
    if (isEnd || isOld) descent = touchGround(descent)
    const done = isEnd || isWhole(descent)
    yield* write(entries.filter(isWanted), {
      readFrom: Math.min(known.readFrom, from),
      readUntil: done ? began : known.readUntil,
      stretches: stretchesOf(descent)
    })
    if (done) return
    before = ids
    last = page
    page = pageAfter(descent, page, size)
  }
})

/** What was made since the last reading, from the older address. */
const list = Effect.fnUntraced(function* ({ began, branch, isPaused, known, write }: Reading) {
  const rentprog = yield* RentProg
  const window = { from: known.readUntil - overlap, to: began }
  const seen = new Set<string>()
  for (let page = 1; ; page += 1) {
    if (yield* isPaused) return
    const { entries, length } = yield* rentprog.listLog(branch, window, page)
    const before = seen.size
    for (const { operationId } of entries) seen.add(operationId)
    // No page that is not the last is known to hold fewer; and a server may repeat its last page for ever.
    const done = length < ordinaryPage || seen.size === before
    // What stretches leave open stays open: that this address answers does not say that it has everything.
    yield* write(entries, done ? { ...known, readUntil: began } : known)
    if (done) return
  }
})

/** What to do about a user token that has ended or ends soon; null where it does neither, or does not say. */
export const sayTokenEnd = (ends: Option.Option<DateTime.Utc>, now: DateTime.Utc): string | null => {
  if (Option.isNone(ends) || DateTime.isLessThan(DateTime.addDuration(now, tokenWarning), ends.value))
    return null
  const verb = DateTime.isLessThan(now, ends.value) ? "ends" : "ended"
  return `${verb} on ${DateTime.formatIsoDateUtc(ends.value)}: put a new one into RENTPROG_HISTORY_TOKENS`
}

/** Says that the branch's user token ends soon, where it does. */
const checkToken = Effect.fnUntraced(function* (branch: Branch) {
  const { userTokenEnds } = yield* RentProg
  const health = yield* Health
  const component = `user token ${branch}`
  const said = sayTokenEnd(userTokenEnds(branch), yield* DateTime.now)
  yield* said === null ? health.forget(component) : health.report(component, "down", said)
})

/**
 * Reads a branch's operations log, unless the branch is paused, down to where the last reading began, and writes each page down
 * when it comes; PostgreSQL does the rest. How that went stands in `Health` as `log <branch>`. After a reading that fails or is
 * stopped by a pause, the next one goes on below what it wrote down.
 */
export const readLog = Effect.fn("readLog")(
  function* (branch: Branch) {
    const history = yield* History
    const isPaused = history.isPaused(branch)
    if (yield* isPaused) return
    yield* checkToken(branch)
    const began = yield* Clock.currentTimeMillis
    const known = Option.getOrElse(yield* history.logProgress(branch), () => ({
      readFrom: began - firstReading - overlap,
      readUntil: began - firstReading,
      stretches: []
    }))
    yield* tellReadUntil(branch, known)
    let recorded = 0
    const write: Reading["write"] = Effect.fnUntraced(function* (entries, progress) {
      recorded += yield* history.record(branch, entries, progress)
      yield* tellReadUntil(branch, progress)
    })
    const reading: Reading = { branch, began, known, write, isPaused }
    yield* search(reading).pipe(
      Effect.catchTag("RentProgNotFound", () => list(reading)),
      Effect.catchTag("RentProgNotFound", ({ detail }) =>
        Effect.fail(new RentProgNotFound({ detail: `${detail}, and so was POST /search_operations` }))
      ),
      Effect.ensuring(
        Effect.suspend(() =>
          recorded > 0 ? Effect.logInfo(`${recorded} new entries of the operations log`) : Effect.void
        )
      )
    )
    yield* tellReadable(branch)
  },
  (effect, branch) =>
    effect.pipe(
      Effect.catch((error) =>
        Effect.andThen(
          Effect.logWarning("the operations log could not be read", reasonText(error)),
          tellReadable(branch, loggableReason(reasonText(error)))
        )
      ),
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("the operations log could not be read", defect),
          tellReadable(branch, "a defect, see the log")
        )
      ),
      Effect.annotateLogs({ branch })
    )
)

const tellReadUntil = (branch: Branch, progress: LogProgress) =>
  Metric.update(Metric.withAttributes(readUntil, { branch }), progress.readUntil / 1000)

/** Another process reads it from now on. */
export const forgetLog = (branch: Branch) =>
  Effect.forEach([readUntil, readable], (gauge) => Metric.remove(Metric.withAttributes(gauge, { branch })), {
    discard: true
  })

/** With how far the log is known. `why` says why it could not be read. */
const tellReadable = Effect.fnUntraced(function* (branch: Branch, why?: string) {
  const health = yield* Health
  const history = yield* History
  const progress = yield* Effect.catchCause(history.logProgress(branch), () => Effect.succeed(Option.none()))
  const until = Option.match(progress, {
    onNone: () => [],
    onSome: ({ readUntil }) => [`known until ${DateTime.formatIso(DateTime.makeUnsafe(readUntil))}`]
  })
  const detail = [...(why === undefined ? [] : [why]), ...until].join("; ")
  yield* health.report(`log ${branch}`, why === undefined ? "up" : "down", detail)
  yield* Metric.update(Metric.withAttributes(readable, { branch }), why === undefined ? 1 : 0)
})
