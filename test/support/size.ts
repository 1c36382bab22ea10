import { inject } from "vitest"

/** How many there are in a test of many: all of them in `npm run test:long`, enough to tell in `npm test`. */
export const size = ({ long, usual }: { readonly long: number; readonly usual: number }): number =>
  inject("long") ? long : usual
