/** Who sits in front of the page, and whether the API lets them in. */
import { makeStore } from "./store.ts"

const tokenKey = "jarvis.token"
const nameKey = "jarvis.name"

/** Storage that a browser may deny; then nothing outlives the page. */
const remembered = (storage: () => Storage, key: string) => {
  let value = ""
  try {
    value = storage().getItem(key) ?? ""
  } catch {
    // Denied: the value lives in memory alone.
  }
  return {
    get: () => value,
    set: (next: string) => {
      value = next
      try {
        if (next === "") storage().removeItem(key)
        else storage().setItem(key, next)
      } catch {
        // Denied: see above.
      }
    }
  }
}

/** The admin token; it is forgotten with the tab. */
export const token = remembered(() => sessionStorage, tokenKey)

/** The person's name as the audit writes it down. */
export const operatorName = remembered(() => localStorage, nameKey)

/** Whether the API lets the page in, as far as it has said. */
export type Gate =
  | { readonly kind: "open" }
  | { readonly kind: "sign-in" }
  | { readonly kind: "forbidden"; readonly detail: string | undefined }

const open: Gate = { kind: "open" }

export const gate = makeStore<Gate>(open)

export const signIn = (secret: string): void => {
  token.set(secret)
  gate.set(open)
}

export const signOut = (): void => {
  token.set("")
  gate.set({ kind: "sign-in" })
}

export const knockAgain = (): void => gate.set(open)
