import { t } from "../i18n/index.ts"
import type { Problem } from "../problem.ts"
import { Dialog } from "./Dialog.tsx"
import { Notice } from "./Notice.tsx"

/** Asks before something is done. */
export const Confirm = ({
  title,
  text,
  does,
  busy,
  problem,
  onYes,
  onClose
}: {
  readonly title: string
  readonly text: string
  /** The word on the button that does it. */
  readonly does: string
  readonly busy: boolean
  readonly problem: Problem | undefined
  readonly onYes: () => void
  readonly onClose: () => void
}) => (
  <Dialog title={title} onClose={onClose}>
    <p>{text}</p>
    <Notice problem={problem} />
    <p class="dialog-buttons">
      <button type="button" onClick={onClose}>
        {t.deeds.cancel}
      </button>
      <button type="button" class="primary" disabled={busy} onClick={onYes}>
        {does}
      </button>
    </p>
  </Dialog>
)
