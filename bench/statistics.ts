/** Medians, and what is made of them. */
import type { Array as Arr } from "effect"
import type { Figure, Goal } from "./Results.ts"

type Values = Arr.NonEmptyReadonlyArray<number>

/** The value that a share of the others lies below, from 0 to 1, between the two next to it. */
export const quantile = (values: Values, share: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (sorted.length - 1) * share
  const [below, above] = [Math.floor(at), Math.ceil(at)].map((index) => sorted[index] ?? values[0])
  return below === undefined || above === undefined ? values[0] : below + (above - below) * (at % 1)
}

export const median = (values: Values): number => quantile(values, 0.5)

/** What a goal comes to in numbers: its value, times the best of those it refers to. */
export const target = ({ better, rounds }: Figure, { times, value }: Goal): number => {
  const medians = (times ?? []).flatMap((name) => {
    const values = rounds[name]
    return values === undefined ? [] : [median(values)]
  })
  if (medians.length === 0) return value
  return value * (better === "more" ? Math.max(...medians) : Math.min(...medians))
}

/** Whether Jarvis's median reaches the goal; undefined where there is none. */
export const isMet = (figure: Figure): boolean | undefined => {
  const values = figure.rounds["Jarvis"]
  if (figure.goal === undefined || values === undefined) return undefined
  const wanted = target(figure, figure.goal)
  return figure.goal.is === "at least" ? median(values) >= wanted : median(values) <= wanted
}
