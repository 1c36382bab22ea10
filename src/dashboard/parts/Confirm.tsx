import type { Effect } from "effect"
import type { Client } from "../api.ts"
import { t } from "../i18n/index.ts"
import type { Failure } from "../problem.ts"
import { useDeed } from "../state/useDeed.ts"
import { Dialog } from "./Dialog.tsx"
import { Notice } from "./Notice.tsx"

/** Asks before something is done, and does it. */
export const Confirm = <A,>({
  title,
  text,
  does,
  call,
  onDone,
  onClose
}: {
  readonly title: string
  readonly text: string
  /** The word on the button that does it. */
  readonly does: string
  readonly call: (jarvis: Client) => Effect.Effect<A, Failure>
  readonly onDone: (value: A) => void
  readonly onClose: () => void
}) => {
  const { busy, problem, run } = useDeed()
  const go = (): void =>
    run(call, (value, isOpen) => {
      if (isOpen) onClose()
      onDone(value)
    })
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <Notice problem={problem} ofDeed />
      <p class="dialog-buttons">
        <button type="button" onClick={onClose}>
          {t.deeds.cancel}
        </button>
        <button type="button" class="primary" disabled={busy} onClick={go}>
          {does}
        </button>
      </p>
    </Dialog>
  )
}
