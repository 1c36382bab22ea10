import { t } from "../i18n/index.ts"
import { Heading } from "../parts/Heading.tsx"

export const BrokenPage = ({ detail }: { readonly detail: string }) => (
  <main id="content" class="gate">
    <div class="panel" role="alert">
      <Heading title={t.broken.title} />
      <p>{t.broken.text}</p>
      <p class="faint wrap">{detail}</p>
      <button type="button" onClick={() => location.assign("/")}>
        {t.missing.home}
      </button>
    </div>
  </main>
)
