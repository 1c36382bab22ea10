import { Duration, Effect, FiberSet, Option } from "effect"
import { Questions } from "../database/Questions.ts"
import { noAnswer, patience, type Question } from "../domain/Question.ts"
import { BranchActor } from "./Branch.ts"

/** Answers, each time that it is run, what people ask; nobody waits for another's answer. */
export const makeAnswerQuestions = Effect.gen(function* () {
  const questions = yield* Questions
  const actor = yield* BranchActor.client
  const answering = yield* FiberSet.make<void, never>()

  const answer = (question: Question) =>
    actor(question.branch)
      .Has(question.record)
      .pipe(
        Effect.map((has) => ({ has, reason: null })),
        Effect.catch(({ message }) => Effect.succeed({ has: null, reason: message })),
        Effect.timeoutOption(Duration.seconds(patience)),
        Effect.flatMap((asked) =>
          questions.answer(
            question,
            Option.getOrElse(asked, () => noAnswer)
          )
        ),
        Effect.catchCause((cause) =>
          Effect.annotateLogs(Effect.logWarning("a question could not be answered", cause), {
            branch: question.branch
          })
        )
      )

  return Effect.flatMap(questions.take, (some) =>
    Effect.forEach(some, (question) => FiberSet.run(answering, answer(question)), { discard: true })
  )
})
