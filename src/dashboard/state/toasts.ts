import { makeStore, useStore } from "./store.ts"

/** Something that was done, said at the edge of the page. */
export interface Toast {
  readonly id: number
  readonly text: string
  readonly undo?: (() => void) | undefined
}

const toasts = makeStore<ReadonlyArray<Toast>>([])
let count = 0

export const dismiss = (id: number): void => toasts.set(toasts.get().filter((toast) => toast.id !== id))

/** What can be undone stays until it is dismissed or another comes; the rest goes by itself. */
export const say = (text: string, undo?: () => void): void => {
  count += 1
  const id = count
  toasts.set([{ id, text, undo }])
  if (undo === undefined) setTimeout(() => dismiss(id), 8000)
}

export const useToasts = (): ReadonlyArray<Toast> => useStore(toasts)
