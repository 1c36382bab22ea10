import { t } from "../i18n/index.ts"
import { Heading } from "../parts/Heading.tsx"
import { knockAgain } from "../state/session.ts"

/** No token is set, and this is not Jarvis's own machine. */
export const ForbiddenPage = ({ detail }: { readonly detail: string | undefined }) => (
  <main id="content" class="gate">
    <div class="panel" role="alert">
      <Heading title={t.session.forbidden} />
      <p>{t.session.forbiddenText}</p>
      {detail && <p class="faint">{detail}</p>}
      <button type="button" onClick={knockAgain}>
        {t.session.again}
      </button>
    </div>
  </main>
)
