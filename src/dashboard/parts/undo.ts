import { Effect } from "effect"
import { t } from "../i18n/index.ts"
import { deedProblemText } from "../i18n/problems.ts"
import { start, told } from "../run.ts"
import { say } from "../state/toasts.ts"

/** Takes a discard back, and says how that went. */
export const undoDiscard =
  (action: string, onDone: () => void): (() => void) =>
  () => {
    start(
      Effect.match(
        told(({ actions }) => actions.undo({ params: { id: action } })),
        {
          onFailure: (problem) => say(deedProblemText(problem)),
          onSuccess: ({ count }) => {
            say(t.deeds.undone(count))
            onDone()
          }
        }
      )
    )
  }
