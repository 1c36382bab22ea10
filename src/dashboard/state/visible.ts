import { makeStore, useStore } from "./store.ts"

const visible = makeStore(!document.hidden)
document.addEventListener("visibilitychange", () => visible.set(!document.hidden))

/** Whether anybody can see the page. */
export const useVisible = (): boolean => useStore(visible)
