/** Records of the mirror as its tests write and read them. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import { type EntityKey, type EntityType, type MirrorRecord, RentprogId } from "../../src/domain/Entity.ts"

export const tbilisi = Branch.make("tbilisi")
const tables = { car: "cars", client: "clients", booking: "bookings" } as const
export const keyOf = (entityType: EntityType, id: string): EntityKey => ({
  entityType,
  entityId: RentprogId.make(id)
})

export const record = (entityType: EntityType, id: string, more?: Partial<MirrorRecord>): MirrorRecord => ({
  ...keyOf(entityType, id),
  branch: tbilisi,
  companyId: null,
  fetchedAt: 1000,
  columns: {},
  data: {},
  ...more
})
export const carNo = (id: string, more?: Partial<MirrorRecord>) => record("car", id, more)

export const row = Effect.fnUntraced(function* ({ entityId, entityType }: EntityKey) {
  const sql = yield* PgClient.PgClient
  const [found] = yield* sql<{ readonly row: { readonly [column: string]: unknown } }>`
    SELECT to_jsonb(mirror.*) AS row FROM ${sql(tables[entityType])} AS mirror WHERE rentprog_id = ${entityId}
  `
  return found === undefined ? null : found.row
})

/** Of which version the mirror's copy is, when it was fetched, and whether it is deleted. */
export const state = Effect.fnUntraced(function* (id: string) {
  const sql = yield* PgClient.PgClient
  const [found] = yield* sql`
    SELECT data, mileage::int, extract(epoch FROM fetched_at)::float8 * 1000 AS fetched_at,
      deleted_at IS NOT NULL AS deleted
    FROM cars WHERE rentprog_id = ${id}
  `
  return found ?? null
})
