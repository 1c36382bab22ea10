/** What `jarvis doctor` looks at: one thing each, and nothing is changed by it. */
import { type Duration, Effect } from "effect"
import { within } from "../database/within.ts"

/** `none`: it is not configured, or cannot be seen from here. What is wrong says what to do. */
export interface Outcome {
  readonly state: "ok" | "wrong" | "none"
  readonly says: string
}

export const ok = (says: string): Outcome => ({ state: "ok", says })
export const wrong = (says: string): Outcome => ({ state: "wrong", says })
export const none = (says: string): Outcome => ({ state: "none", says })

export interface Check<R = never> {
  /** `writes`, `token of tbilisi` */
  readonly name: string
  /** A failure says in one line what is wrong. */
  readonly look: Effect.Effect<Outcome, { readonly message: string }, R>
}

/** How a check went. */
export interface Line extends Outcome {
  readonly name: string
}

/** Looks, and says within the time limit how it went. */
export const examine =
  (limit: Duration.Duration) =>
  <R>({ look, name }: Check<R>): Effect.Effect<Line, never, R> =>
    look.pipe(
      within(limit),
      Effect.catch(({ message }) => Effect.succeed(wrong(message))),
      Effect.catchDefect((defect) => Effect.succeed(wrong(String(defect)))),
      // A message may have several lines.
      Effect.map(({ says, state }) => ({ name, state, says: says.replaceAll(/\s+/g, " ").trim() }))
    )
