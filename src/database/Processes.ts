/** The processes of a database: what each says of itself for all to read, and what all of them say. */
import { PgClient } from "@effect/sql-pg"
import { Clock, Context, Duration, Effect, Exit, Layer, Schema } from "effect"
import { getSomes } from "effect/Array"
import type { SqlError } from "effect/sql"
import { Branch } from "../domain/Branch.ts"
import { Component } from "../domain/Component.ts"
import { Process } from "../domain/Process.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { Standing } from "../domain/Standing.ts"
import { decodeRows } from "./decode.ts"
import { Lease } from "./Lease.ts"
import { storable } from "./storable.ts"
import { asUnanswered, type Unanswered } from "./Unanswered.ts"
import { within } from "./within.ts"

/** How often all is said again: somebody may have removed it while this process was frozen. */
const again = Duration.minutes(5)

/** What a process says of itself. */
export interface Said {
  /** Those that it works for, of the branches that have a token. */
  readonly branches: ReadonlyArray<Branch>
  /** It has the EventProcessor. */
  readonly listens: boolean
  readonly components: ReadonlyArray<Component>
  /** How the branches that it works for stand. */
  readonly standings: ReadonlyMap<Branch, Standing>
}

export class Processes extends Context.Service<
  Processes,
  {
    /** Writes down what has changed, in one statement; nothing where nothing has. */
    readonly say: (said: Said) => Effect.Effect<void, SqlError.SqlError | DatabaseError>
    /** Those that have not ended, the oldest first. */
    readonly all: Effect.Effect<ReadonlyArray<Process>, Unanswered>
    /** How branches stand, as whoever works for them says it; up to a second old. None of one that nobody works for. */
    readonly standings: Effect.Effect<ReadonlyMap<Branch, Standing>, Unanswered>
  }
>()("jarvis/database/Processes") {
  static readonly layer: Layer.Layer<Processes, never, PgClient.PgClient | Lease> = Layer.effect(
    Processes,
    Effect.suspend(() => make)
  )
}

/** One line of the table `jarvis_said`. */
interface Line {
  readonly kind: "component" | "standing"
  readonly name: string
  readonly said: string
}

const encodeComponent = Schema.encodeEffect(Component)
const encodeStanding = Schema.encodeEffect(Standing)

/** What another version says that this one does not understand is left out. */
const understood = <A>(schema: Schema.ConstraintCodec<A, unknown>) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (all: ReadonlyArray<unknown>): ReadonlyArray<A> => getSomes(all.map((one) => decode(one)))
}
const understoodComponents = understood(Component)
const understoodStandings = understood(Schema.Struct({ branch: Branch, standing: Standing }))

const decodeProcesses = decodeRows(
  Schema.Struct({ ...Process.fields, components: Schema.Array(Schema.Unknown) })
)

const textOf = (said: unknown): string => JSON.stringify(storable(said))

const linesOf = Effect.fnUntraced(function* ({ components, standings }: Said) {
  const lines: Array<Line> = []
  for (const component of components) {
    const said = textOf(yield* encodeComponent(component))
    lines.push({ kind: "component", name: component.name, said })
  }
  for (const [branch, standing] of standings) {
    lines.push({ kind: "standing", name: branch, said: textOf(yield* encodeStanding(standing)) })
  }
  return new Map(lines.map((line) => [`${line.kind} ${line.name}`, line]))
}, Effect.orDie)

const make = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const { id } = yield* Lease
  const isPresent = sql.literal("(process.seen_at > now() - interval '5 seconds')")

  /** What the tables have of this process, as far as it knows; forgotten now and then. */
  let own = ""
  let told: ReadonlyMap<string, Line> = new Map()
  let forgets = 0

  // Those that were killed.
  yield* sql`
    DELETE FROM jarvis_said AS gone USING jarvis_processes AS process
    WHERE process.id = gone.process AND process.seen_at < now() - interval '1 hour'
  `.pipe(Effect.orDie)
  yield* Effect.addFinalizer(() =>
    sql`DELETE FROM jarvis_said AS gone WHERE gone.process = ${id}`.pipe(
      within(Duration.seconds(2)),
      Effect.ignore
    )
  )

  const say = Effect.fnUntraced(function* (said: Said) {
    const now = yield* Clock.currentTimeMillis
    if (now >= forgets) {
      forgets = now + Duration.toMillis(again)
      own = ""
      told = new Map()
    }
    const { branches, listens } = said
    const ownNow = JSON.stringify([branches, listens])
    const lines = yield* linesOf(said)
    const news = Array.from(lines.values()).filter(
      ({ kind, name, said }) => told.get(`${kind} ${name}`)?.said !== said
    )
    const over = Array.from(told).flatMap(([key, line]) => (lines.has(key) ? [] : [line]))
    if (own === ownNow && news.length === 0 && over.length === 0) return
    const kinds = (some: ReadonlyArray<Line>) => some.map(({ kind }) => kind)
    const names = (some: ReadonlyArray<Line>) => some.map(({ name }) => name)
    yield* sql`
      WITH own AS (
        UPDATE jarvis_processes AS own SET branches = ${[...branches]}::text[], listens = ${listens}::boolean
        WHERE own.id = ${id} AND (own.branches, own.listens) <> (${[...branches]}::text[], ${listens}::boolean)
      ), gone AS (
        DELETE FROM jarvis_said AS gone USING unnest(${kinds(over)}::text[], ${names(over)}::text[]) AS over (kind, name)
        WHERE gone.process = ${id} AND gone.kind = over.kind AND gone.name = over.name
      )
      INSERT INTO jarvis_said (process, kind, name, said)
      SELECT ${id}::int, news.kind, news.name, news.said::jsonb
      FROM unnest(${kinds(news)}::text[], ${names(news)}::text[], ${news.map(({ said }) => said)}::text[])
        AS news (kind, name, said)
      ON CONFLICT (process, kind, name) DO UPDATE SET said = excluded.said, said_at = now()
      WHERE jarvis_said.said <> excluded.said
    `.pipe(within(Duration.seconds(5)))
    own = ownNow
    told = lines
  })

  const all = sql`
    SELECT to_jsonb(known.*) AS row
    FROM (
      SELECT process.id, process.host, process.pid, process.role, process.address, process.branches, process.listens,
        process.started_at, process.seen_at, ${isPresent} AS present, process.id = ${id} AS self, coalesce((
          SELECT jsonb_agg(part.said ORDER BY part.name) FROM jarvis_said AS part
          WHERE part.process = process.id AND part.kind = 'component'
        ), '[]') AS components
      FROM jarvis_processes AS process
      WHERE process.ended_at IS NULL AND process.seen_at > now() - interval '5 minutes'
    ) AS known
    ORDER BY known.id
  `.pipe(
    Effect.flatMap(decodeProcesses),
    Effect.map((processes) =>
      processes.map((process) => ({ ...process, components: understoodComponents(process.components) }))
    ),
    asUnanswered,
    Effect.withSpan("Processes.all")
  )

  const standings = sql<{ readonly row: unknown }>`
    SELECT DISTINCT ON (branch.name) jsonb_build_object('branch', branch.name, 'standing', branch.said) AS row
    FROM jarvis_said AS branch JOIN jarvis_processes AS process ON process.id = branch.process
    WHERE branch.kind = 'standing' AND process.ended_at IS NULL AND ${isPresent}
    ORDER BY branch.name, branch.said_at DESC
  `.pipe(
    Effect.map(
      (rows): ReadonlyMap<Branch, Standing> =>
        new Map(
          understoodStandings(rows.map(({ row }) => row)).map(({ branch, standing }) => [branch, standing])
        )
    ),
    asUnanswered,
    Effect.withSpan("Processes.standings")
  )

  return Processes.of({
    say,
    all,
    standings: yield* Effect.cachedWithTTL(standings, (exit) => (Exit.isSuccess(exit) ? "1 second" : 0))
  })
})
