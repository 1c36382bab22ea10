import { useId, useState } from "preact/hooks"
import { t } from "../i18n/index.ts"
import { operatorName, signOut, token } from "../state/session.ts"
import { say } from "../state/toasts.ts"
import { Dialog } from "./Dialog.tsx"

/** The name that the audit writes down, and the way out. */
export const You = ({ onClose }: { readonly onClose: () => void }) => {
  const id = useId()
  const [name, setName] = useState(operatorName.get())
  return (
    <Dialog title={t.session.settings} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          operatorName.set(name.trim())
          say(t.session.saved)
          onClose()
        }}
      >
        <p class="field">
          <label for={id}>{t.session.name}</label>
          <input
            id={id}
            autocomplete="username"
            maxLength={80}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            aria-describedby={`${id}-hint`}
          />
          <small id={`${id}-hint`}>{t.session.nameHint}</small>
        </p>
        <p class="dialog-buttons">
          {token.get() !== "" && (
            <button type="button" class="bare" onClick={signOut}>
              {t.session.leave}
            </button>
          )}
          <button type="button" onClick={onClose}>
            {t.deeds.cancel}
          </button>
          <button type="submit" class="primary">
            {t.session.save}
          </button>
        </p>
      </form>
    </Dialog>
  )
}
