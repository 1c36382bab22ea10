import type { ComponentChildren } from "preact"
import { useEffect } from "preact/hooks"

/** The page's heading: it names the document, and takes the focus when one navigates here. */
export const Heading = ({
  title,
  children
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) => {
  useEffect(() => {
    document.title = title === "Jarvis" ? title : `${title} · Jarvis`
  }, [title])
  return (
    <h1 tabIndex={-1} id="heading">
      {children ?? title}
    </h1>
  )
}

export const focusHeading = (): void => document.getElementById("heading")?.focus({ preventScroll: true })
