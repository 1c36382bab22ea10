import { makeStore, useStore } from "./store.ts"

const now = makeStore(Date.now())
setInterval(() => now.set(Date.now()), 1000)

/** Milliseconds since 1970, moving every second. */
export const useNow = (): number => useStore(now)
