import { useRef } from "preact/hooks"
import { t } from "../i18n/index.ts"
import { say } from "../state/toasts.ts"

/** A trace's number, to be looked up where traces are kept. */
export const Trace = ({ id }: { readonly id: string }) => {
  const text = useRef<HTMLElement>(null)
  // Browsers lend the clipboard to secure origins alone; elsewhere the text is at least selected.
  const select = (): void => {
    if (text.current) getSelection()?.selectAllChildren(text.current)
    say(t.row.notCopied)
  }
  const copy = (): void => {
    if (isSecureContext) void navigator.clipboard.writeText(id).then(() => say(t.row.copied), select)
    else select()
  }
  return (
    <span class="trace">
      <code ref={text}>{id}</code>
      <button type="button" class="small" aria-label={t.row.copyLabel} onClick={copy}>
        {t.row.copy}
      </button>
    </span>
  )
}
