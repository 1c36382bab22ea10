import { t } from "../i18n/index.ts"
import { Heading } from "../parts/Heading.tsx"

export const MissingPage = () => (
  <div class="empty">
    <Heading title={t.missing.title} />
    <p class="faint">{t.missing.text}</p>
    <p>
      <a href="/">{t.missing.home}</a>
    </p>
  </div>
)
