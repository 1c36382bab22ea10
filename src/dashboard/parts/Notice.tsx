import { t } from "../i18n/index.ts"
import { deedProblemText, pageProblemText } from "../i18n/problems.ts"
import { isPassing, type Problem } from "../problem.ts"

/** What stands in the way, said where screen readers hear it. Its place is there before there is anything to say. */
export const Notice = ({
  problem,
  ofDeed = false,
  retry
}: {
  readonly problem: Problem | undefined
  /** It stands in the way of what a person does. */
  readonly ofDeed?: boolean
  readonly retry?: (() => void) | undefined
}) => (
  <div role="alert" class="notice-place">
    {problem && (
      <p class="notice">
        {ofDeed ? deedProblemText(problem) : pageProblemText(problem)}
        {retry && !isPassing(problem) && problem.kind !== "not-found" && (
          <button type="button" class="link" onClick={retry}>
            {t.problems.again}
          </button>
        )}
      </p>
    )}
  </div>
)
