import { t } from "../i18n/index.ts"
import { dismiss, useToasts } from "../state/toasts.ts"
import { focusHeading } from "./Heading.tsx"

/** The button that was pressed goes; the focus has to stay somewhere. */
const leave = (id: number): void => {
  dismiss(id)
  focusHeading()
}

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {useToasts().map(({ id, text, undo }) => (
      <div class="toast" key={id}>
        <span>{text}</span>
        {undo && (
          <button
            type="button"
            onClick={() => {
              leave(id)
              undo()
            }}
          >
            {t.deeds.undo}
          </button>
        )}
        <button type="button" class="bare" aria-label={t.deeds.close} onClick={() => leave(id)}>
          ×
        </button>
      </div>
    ))}
  </div>
)
