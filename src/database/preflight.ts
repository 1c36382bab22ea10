import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { Catalog } from "./catalog.ts"
import type { SchemaName } from "./SchemaName.ts"

/** Something that is not as Jarvis expects it. */
export interface Finding {
  /**
   * `fatal`: Jarvis cannot work. `risk`: it works, and something of it may be refused, changed or replaced. `harmless`:
   * worth knowing.
   */
  readonly level: "fatal" | "risk" | "harmless"
  /** `column events.id`, `trigger events.my_trigger`, `function parse_history_description(text)` */
  readonly object: string
  readonly is: string
  readonly must: string
  readonly todo: string
}

export const inspect = (
  _sql: PgClient.PgClient,
  _schema: SchemaName,
  _actual: Catalog,
  _expected: Catalog
): Effect.Effect<ReadonlyArray<Finding>> => Effect.succeed([])
