/** All parts, in the order in which they run. */
import type { Part } from "./Part.ts"
import { drain } from "./parts/drain.ts"
import { growth } from "./parts/growth.ts"
import { history, parsing } from "./parts/history.ts"
import { bulk, single } from "./parts/inserts.ts"
import { memory, memoryOfMillion } from "./parts/memory.ts"
import { path } from "./parts/path.ts"
import { quota } from "./parts/quota.ts"
import { wake } from "./parts/wake.ts"
import { webhooks } from "./parts/webhooks.ts"

export const parts: Readonly<Record<string, Part>> = {
  ...{ insert: single, bulk, history, parse: parsing, wake, drain, memory, webhooks, path },
  ...{ million: memoryOfMillion, growth, quota }
}
