import { Effect } from "effect"
import { useCallback, useState } from "preact/hooks"
import type { Client } from "../api.ts"
import type { Failure, Problem } from "../problem.ts"
import { start, told } from "../run.ts"

/** Something a person does: asked once, and never broken off, since half a deed would leave them guessing. */
export interface Deed {
  readonly busy: boolean
  readonly problem: Problem | undefined
  readonly run: <A>(
    call: (jarvis: Client) => Effect.Effect<A, Failure>,
    done: (value: A) => void,
    failed?: (problem: Problem) => void
  ) => void
}

export const useDeed = (): Deed => {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const run = useCallback<Deed["run"]>((call, done, failed) => {
    setBusy(true)
    setProblem(undefined)
    start(
      Effect.match(told(call), {
        onFailure: (problem) => {
          setBusy(false)
          setProblem(problem)
          failed?.(problem)
        },
        onSuccess: (value) => {
          setBusy(false)
          done(value)
        }
      })
    )
  }, [])
  return { busy, problem, run }
}
