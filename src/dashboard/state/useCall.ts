import { Effect, Schedule } from "effect"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import type { Client } from "../api.ts"
import type { Failure, Problem } from "../problem.ts"
import { patiently, start, told } from "../run.ts"
import { useVisible } from "./visible.ts"

/** What the API answered last, and what stands in the way of a newer answer. */
export interface Loaded<A> {
  readonly value: A | undefined
  readonly problem: Problem | undefined
  /** What was asked last is not answered yet. */
  readonly loading: boolean
  readonly reload: () => void
}

interface Heard<A> {
  readonly key: string
  /** What it is the answer to. */
  readonly of: string | undefined
  readonly value: A | undefined
  readonly problem: Problem | undefined
}

/**
 * Asks the API whenever `key` changes, and every so many milliseconds while the page is visible. The last answer stays
 * until a newer one is there.
 */
export const useCall = <A>(
  call: (jarvis: Client) => Effect.Effect<A, Failure>,
  key: string,
  every?: number
): Loaded<A> => {
  const [heard, setHeard] = useState<Heard<A>>({ key, of: undefined, value: undefined, problem: undefined })
  const [turn, setTurn] = useState(0)
  const latest = useRef(call)
  latest.current = call
  const visible = useVisible()
  const asleep = every !== undefined && !visible
  const of = `${turn} ${key}`

  useEffect(() => {
    if (asleep) return
    /** The answer to another question does not stay where this one has none. */
    const failed = (heard: Heard<A>, of: string | undefined, problem: Problem): Heard<A> => ({
      key,
      of,
      value: heard.key === key ? heard.value : undefined,
      problem
    })
    const once = patiently(told(latest.current), (problem) =>
      setHeard((heard) => failed(heard, heard.of, problem))
    ).pipe(Effect.map((value) => setHeard({ key, of, value, problem: undefined })))
    return start(
      Effect.matchEffect(every === undefined ? once : Effect.repeat(once, Schedule.spaced(every)), {
        onFailure: (problem) => Effect.sync(() => setHeard((heard) => failed(heard, of, problem))),
        onSuccess: () => Effect.void
      })
    )
  }, [of, every, asleep])

  const reload = useCallback(() => setTurn((turn) => turn + 1), [])
  return { value: heard.value, problem: heard.problem, loading: heard.of !== of, reload }
}
