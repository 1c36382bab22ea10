import v8 from "node:v8"
import vm from "node:vm"
import { Effect } from "effect"

/**
 * Has the process clean up early rather than grow. V8 lets a heap grow to hundreds of megabytes before it looks for what is
 * in use: what starting left behind is freed at once, and young objects get no more room than they had at the start.
 */
export const smallHeap = Effect.sync(() => {
  v8.setFlagsFromString("--semi-space-growth-factor=1")
  v8.setFlagsFromString("--expose-gc")
  vm.runInNewContext("gc()")
})
