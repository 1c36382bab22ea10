import { t } from "../i18n/index.ts"
import type { Problem } from "../problem.ts"

export const problemText = (problem: Problem): string =>
  problem.kind === "unexpected" ? t.problems.unexpected(problem.detail) : t.problems[problem.kind]

/** What stands in the way, said where screen readers hear it. Its place is there before there is anything to say. */
export const Notice = ({
  problem,
  retry
}: {
  readonly problem: Problem | undefined
  readonly retry?: (() => void) | undefined
}) => (
  <div role="alert" class="notice-place">
    {problem && (
      <p class="notice">
        {problemText(problem)}
        {retry && problem.kind === "unexpected" && (
          <button type="button" class="link" onClick={retry}>
            {t.problems.again}
          </button>
        )}
      </p>
    )}
  </div>
)
