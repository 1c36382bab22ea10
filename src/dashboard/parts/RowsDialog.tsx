import { useId, useState } from "preact/hooks"
import type { Done } from "../../domain/Action.ts"
import type { RowFilter, Table } from "../../domain/Row.ts"
import { format, t } from "../i18n/index.ts"
import { operatorName } from "../state/session.ts"
import { say } from "../state/toasts.ts"
import { useCall } from "../state/useCall.ts"
import { useDeed } from "../state/useDeed.ts"
import { Dialog } from "./Dialog.tsx"
import { Notice } from "./Notice.tsx"
import { undoDiscard } from "./undo.ts"

/** Rows by their numbers, or all that a filter matches. */
export type Which =
  | { readonly ids: readonly [string, ...ReadonlyArray<string>] }
  | { readonly filter: RowFilter }

export interface Intent {
  readonly deed: "retry" | "discard"
  readonly table: Table
  readonly which: Which
}

const longestReason = 400

/** Asks whether to do it, having counted what it would be about, does it, and says what was done. */
export const RowsDialog = ({
  intent: { deed, table, which },
  onClose,
  onDone
}: {
  readonly intent: Intent
  readonly onClose: () => void
  /** Rows have changed. */
  readonly onDone: () => void
}) => {
  const doing = useDeed()
  const [reason, setReason] = useState("")
  const reasonId = useId()
  const isDiscard = deed === "discard"

  const counted = useCall(({ rows }) => {
    const params = { table }
    const payload = { ...which, dry_run: true }
    return isDiscard
      ? rows.discard({ params, payload: { ...payload, reason: "-" } })
      : rows.retry({ params, payload })
  }, "count")
  const count = counted.value?.count
  const more = counted.value?.more ?? false

  const done = ({ action, count, more }: Done, isOpen: boolean): void => {
    const told = count === 0 ? t.deeds.nothing : isDiscard ? t.deeds.discarded(count) : t.deeds.retried(count)
    say(
      more ? `${told} ${t.deeds.more}` : told,
      isDiscard && action !== null ? undoDiscard(action, onDone) : undefined
    )
    if (isOpen) onClose()
    onDone()
  }

  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const params = { table }
    doing.run(
      ({ rows }) =>
        isDiscard
          ? rows.discard({ params, payload: { ...which, reason: reason.trim() } })
          : rows.retry({ params, payload: which }),
      done
    )
  }

  const sentence =
    count === undefined
      ? t.deeds.counting
      : isDiscard
        ? t.deeds.discardText(count, more)
        : t.deeds.retryText(count, more)
  const ready = count !== undefined && count > 0 && !doing.busy && (!isDiscard || reason.trim() !== "")

  return (
    <Dialog title={isDiscard ? t.deeds.discardAsk : t.deeds.retryAsk} onClose={onClose}>
      <form onSubmit={submit}>
        <p class="dialog-count" aria-live="polite" data-count={count}>
          {sentence}
        </p>
        {isDiscard && (
          <p class="field">
            <label for={reasonId}>{t.deeds.reason}</label>
            <input
              id={reasonId}
              required
              autocomplete="off"
              maxLength={longestReason}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
              aria-describedby={`${reasonId}-hint`}
            />
            <small id={`${reasonId}-hint`}>{t.deeds.reasonHint}</small>
          </p>
        )}
        <p class="faint">{t.deeds.as(operatorName.get() || t.deeds.nobody)}</p>
        <Notice problem={counted.problem ?? doing.problem} ofDeed={counted.problem === undefined} />
        <p class="dialog-buttons">
          <button type="button" onClick={onClose}>
            {t.deeds.cancel}
          </button>
          <button type="submit" class={isDiscard ? "danger" : "primary"} disabled={!ready}>
            {isDiscard ? t.deeds.discardDo : t.deeds.retryDo}
            {count !== undefined && count > 1 && <span class="count">{format.number(count)}</span>}
          </button>
        </p>
      </form>
    </Dialog>
  )
}
