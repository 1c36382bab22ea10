import { t } from "../i18n/index.ts"

/** Says that a value is not shown whole. */
export const Cut = () => <em class="faint">{t.row.cut}</em>
