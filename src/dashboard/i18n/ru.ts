import type { Dictionary } from "./en.ts"
import { deeds } from "./ru/deeds.ts"
import { lists } from "./ru/lists.ts"
import { state } from "./ru/state.ts"

export const ru: Dictionary = { ...state, ...lists, ...deeds }
