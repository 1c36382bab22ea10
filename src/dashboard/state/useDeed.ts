import { Effect } from "effect"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import type { Client } from "../api.ts"
import { deedProblemText } from "../i18n/problems.ts"
import type { Failure, Problem } from "../problem.ts"
import { start, told } from "../run.ts"
import { say } from "./toasts.ts"

/**
 * Something a person does: asked once, and not broken off when what asked is closed, since half a deed would leave them
 * guessing.
 */
export interface Deed {
  readonly busy: boolean
  readonly problem: Problem | undefined
  readonly run: <A>(
    call: (jarvis: Client) => Effect.Effect<A, Failure>,
    /** `isOpen`: what asked is still there. */
    done: (value: A, isOpen: boolean) => void,
    failed?: (problem: Problem) => void
  ) => void
}

export const useDeed = (): Deed => {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const isOpen = useRef(true)
  useEffect(
    () => () => {
      isOpen.current = false
    },
    []
  )
  const run = useCallback<Deed["run"]>((call, done, failed) => {
    setBusy(true)
    setProblem(undefined)
    start(
      Effect.match(told(call), {
        onFailure: (problem) => {
          setBusy(false)
          setProblem(problem)
          if (!isOpen.current) say(deedProblemText(problem))
          failed?.(problem)
        },
        onSuccess: (value) => {
          setBusy(false)
          done(value, isOpen.current)
        }
      })
    )
  }, [])
  return { busy, problem, run }
}
