/** The table `jarvis_questions`: what people ask RentProg in one process, and another answers. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Option, Schedule } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import { type Asked, noAnswer, patience, Question } from "../domain/Question.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { decodeRows } from "./decode.ts"
import { storableText } from "./storable.ts"
import { asUnanswered, Unanswered } from "./Unanswered.ts"
import { within } from "./within.ts"

/** What is notified of a question, as of an event without a branch: an earlier version looks for such events then. */
export const notice = "0||question|"

/** How long the database may take to write a question down, or to forget it. */
const brief = Duration.seconds(2)

/** How often whoever asks looks for the answer. */
const pace = "200 millis"

export class Questions extends Context.Service<
  Questions,
  {
    /** Asks RentProg for a record of the branch, within the branch's quota, and waits for the answer. */
    readonly ask: (branch: Branch, record: EntityKey) => Effect.Effect<Asked, Unanswered>
    /** What is asked and nobody has taken yet; each is given out once. */
    readonly take: Effect.Effect<ReadonlyArray<Question>, DatabaseError>
    /** Lost where nobody waits for it any more. */
    readonly answer: (question: Question, asked: Asked) => Effect.Effect<void, DatabaseError>
  }
>()("jarvis/database/Questions") {
  static readonly layer: Layer.Layer<Questions, never, PgClient.PgClient> = Layer.effect(
    Questions,
    Effect.suspend(() => make)
  )
}

const decodeQuestions = decodeRows(Question)

const make = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient

  /** The notification is one of the events' channel: who listens there is one process. */
  const put = (branch: Branch, { entityId, entityType }: EntityKey) => sql<{ readonly id: number }>`
    WITH gone AS (DELETE FROM jarvis_questions AS gone WHERE gone.asked_at < now() - interval '1 hour')
    INSERT INTO jarvis_questions AS asked (branch, entity_type, entity_id)
    VALUES (${branch}, ${entityType}, ${entityId})
    RETURNING asked.id, pg_notify(notification_channel('rentprog_event_auto_process'), ${notice})
  `

  const remove = (id: number) =>
    sql`DELETE FROM jarvis_questions AS asked WHERE asked.id = ${id}`.pipe(within(brief), Effect.ignore)

  const look = (id: number) =>
    Effect.map(
      sql<Asked>`
        SELECT asked.has, asked.reason FROM jarvis_questions AS asked
        WHERE asked.id = ${id} AND asked.answered_at IS NOT NULL
      `,
      ([asked]) => asked
    )

  return Questions.of({
    ask: (branch, record) =>
      Effect.acquireUseRelease(
        put(branch, record).pipe(
          asUnanswered,
          within(brief),
          Effect.map(([row]) => row?.id ?? 0),
          Effect.catchTag("DatabaseError", ({ detail }) =>
            Effect.fail(new Unanswered({ why: "away", detail }))
          )
        ),
        (id) =>
          look(id).pipe(
            asUnanswered,
            Effect.repeat({ until: (asked) => asked !== undefined, schedule: Schedule.spaced(pace) }),
            Effect.timeoutOption(Duration.seconds(patience)),
            Effect.map((asked) => Option.getOrElse(asked, () => undefined) ?? noAnswer)
          ),
        remove
      ).pipe(Effect.withSpan("Questions.ask", { attributes: { branch } })),
    take: sql`
      UPDATE jarvis_questions AS asked SET taken_at = now()
      WHERE asked.taken_at IS NULL AND asked.asked_at > now() - interval '${sql.literal(String(patience))} seconds'
      RETURNING jsonb_build_object('id', asked.id, 'branch', asked.branch,
        'record', jsonb_build_object('entityType', asked.entity_type, 'entityId', asked.entity_id)) AS row
    `.pipe(asDatabaseError, Effect.flatMap(decodeQuestions)),
    answer: ({ id }, { has, reason }) =>
      sql`
        UPDATE jarvis_questions AS asked
        SET answered_at = now(), has = ${has}, reason = ${reason === null ? null : storableText(reason)}
        WHERE asked.id = ${id}
      `.pipe(asDatabaseError, Effect.asVoid)
  })
})
