import { deeds } from "./en/deeds.ts"
import { lists } from "./en/lists.ts"
import { state } from "./en/state.ts"

export const en = { ...state, ...lists, ...deeds }

/** What can be said. A language that lacks a part of it does not compile. */
export type Dictionary = typeof en
