import v8 from "node:v8"
import { Effect } from "effect"

/**
 * Keeps the room for young objects as small as it is at the start. Where many of them outlive a clean-up, as records do that wait
 * for quota, V8 makes that room ever larger and does not give it back: a third of the memory that `npm run bench -- memory` shows.
 * Node has no setting for it that a program could make for itself.
 */
export const smallHeap = Effect.sync(() => v8.setFlagsFromString("--semi-space-growth-factor=1"))
