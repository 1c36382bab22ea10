/** The table `paused_branches`: branches that a person holds. Nothing of theirs is asked of RentProg. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Who } from "../domain/Action.ts"
import type { Branch } from "../domain/Branch.ts"
import { Audit, logAct } from "./Audit.ts"
import { Backlog } from "./Backlog.ts"
import { storableText } from "./storable.ts"
import { asUnanswered, type Unanswered } from "./Unanswered.ts"

/** None of the branches that `Backlog` lists. */
export class NoSuchBranch extends Schema.TaggedError<NoSuchBranch>()("NoSuchBranch", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

export class Pauses extends Context.Service<
  Pauses,
  {
    /** Holds a branch; one that is held stays so. */
    readonly pause: (branch: Branch, who: Who) => Effect.Effect<void, Unanswered | NoSuchBranch>
    /** Lets a branch go on, at once. */
    readonly resume: (branch: Branch, who: Who) => Effect.Effect<void, Unanswered | NoSuchBranch>
  }
>()("jarvis/database/Pauses") {
  static readonly layer: Layer.Layer<Pauses, never, PgClient.PgClient | Audit | Backlog> = Layer.effect(
    Pauses,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const audit = yield* Audit
      const backlog = yield* Backlog

      /** `change` answers a row where it changed something. */
      const act = Effect.fnUntraced(function* (
        action: "pause" | "resume",
        branch: Branch,
        who: Who,
        change: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>
      ) {
        const { branches } = yield* backlog.now
        if (!branches.some((known) => known.branch === branch)) {
          return yield* new NoSuchBranch({ detail: `There is no branch ${branch}.` })
        }
        const [changed] = yield* Effect.tap(change, ([changed]) =>
          changed === undefined ? Effect.void : audit.record({ action, branch }, who)
        ).pipe(sql.withTransaction, asUnanswered)
        if (changed !== undefined) yield* logAct({ action, branch }, who)
      })

      return Pauses.of({
        pause: (branch, who) =>
          act(
            "pause",
            branch,
            who,
            sql`
              INSERT INTO paused_branches (branch, paused_by) VALUES (${branch}, ${storableText(who.name)})
              ON CONFLICT DO NOTHING
              RETURNING pg_notify(notification_channel('rentprog_event_auto_process'), '0|' || paused_branches.branch || '||')
            `
          ),
        resume: (branch, who) =>
          act(
            "resume",
            branch,
            who,
            sql`
              DELETE FROM paused_branches WHERE paused_branches.branch = ${branch}
              RETURNING pg_notify(notification_channel('rentprog_event_auto_process'), '0|' || paused_branches.branch || '||')
            `
          )
      })
    })
  )
}
