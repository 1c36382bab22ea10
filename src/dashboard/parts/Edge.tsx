import type { ComponentChildren } from "preact"
import { useLayoutEffect } from "preact/hooks"
import { makeStore, useStore } from "../state/store.ts"
import { Toasts } from "./Toasts.tsx"

const bar = makeStore<ComponentChildren>(undefined)

/** Shows its children at the lower edge of the window, where they and the toasts make room for each other. */
export const Edge = ({ children }: { readonly children: ComponentChildren }) => {
  useLayoutEffect(() => bar.set(children))
  useLayoutEffect(() => () => bar.set(undefined), [])
  return null
}

/** The lower edge of the window. */
export const Edges = () => (
  <div class="edge">
    {useStore(bar)}
    <Toasts />
  </div>
)
