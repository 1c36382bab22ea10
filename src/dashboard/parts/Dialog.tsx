import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef } from "preact/hooks"
import { focusHeading } from "./Heading.tsx"

/** A modal dialog while it is in the tree. The browser keeps the focus inside; it goes back where it was. */
export const Dialog = ({
  title,
  onClose,
  children
}: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}) => {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const [dialog, before] = [ref.current, document.activeElement]
    dialog?.showModal()
    return () => {
      // Closed first: while it is open, nothing outside of it takes the focus.
      dialog?.close()
      if (before instanceof HTMLElement) before.focus({ preventScroll: true })
      // What opened it may go with what was done.
      requestAnimationFrame(() => document.activeElement === document.body && focusHeading())
    }
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      // That one is closed is told later, when it may have gone and another be open.
      onClose={() => ref.current?.isConnected && onClose()}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}
