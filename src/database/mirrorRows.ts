/** Records as rows of the mirror, for a statement to read. */
import { DateTime } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey, MirrorRecord } from "../domain/Entity.ts"

/** A record that was destroyed, `at` in milliseconds since 1970. */
export interface Gone extends EntityKey {
  readonly branch: Branch
  readonly at: number
}

const isoOf = (milliseconds: number) => DateTime.formatIso(DateTime.makeUnsafe(milliseconds))

export const rowOf = ({ branch, columns, companyId, data, entityId, fetchedAt }: MirrorRecord) => ({
  ...columns,
  rentprog_id: entityId,
  branch,
  company_id: companyId,
  data,
  fetched_at: isoOf(fetchedAt)
})

export const goneRowOf = ({ at, branch, entityId }: Gone) => ({
  rentprog_id: entityId,
  branch,
  fetched_at: isoOf(at)
})
