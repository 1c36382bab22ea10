/** What stands in the way, in words. */
import { isPassing, type Problem } from "../problem.ts"
import { t } from "./index.ts"

export const problemText = (problem: Problem): string => {
  switch (problem.kind) {
    case "unexpected":
      return t.problems.unexpected(problem.detail)
    case "unavailable":
      return t.problems.unavailable[problem.why]
    default:
      return t.problems[problem.kind]
  }
}

/** Of what the page asks again by itself. */
export const pageProblemText = (problem: Problem): string =>
  isPassing(problem) ? `${problemText(problem)} ${t.problems.itself}` : problemText(problem)

/** Of what a person does: nothing repeats it, and where the answer was lost it may have been done. */
export const deedProblemText = (problem: Problem): string =>
  problem.kind === "network" || (problem.kind === "unexpected" && problem.passing)
    ? `${problemText(problem)} ${t.problems.unknown}`
    : problemText(problem)
