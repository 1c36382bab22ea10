/** What migrations bring to tables that stand already, read from their own texts. */
import type { SqlFile } from "../sqlFiles.ts"

export interface Bring {
  readonly tables: ReadonlySet<string>
  readonly indexes: ReadonlySet<string>
  /** `cars.code`: columns that are added where they are missing. */
  readonly columns: ReadonlySet<string>
  /** Columns that get a default. */
  readonly defaults: ReadonlySet<string>
  /** Columns that lose their NOT NULL. */
  readonly nullable: ReadonlySet<string>
}

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  Array.from(text.matchAll(pattern), ([, name = ""]) => name)

/** What these texts say that they bring. */
export const readBring = (files: ReadonlyArray<SqlFile>): Bring => {
  const text = files.map((file) => file.text.replaceAll(/--.*$/gm, "")).join("\n")
  const alterations = Array.from(
    text.matchAll(/ALTER TABLE :SCHEMA\.(\w+)([^;]*);/g),
    ([, table = "", actions = ""]) => ({ table, actions })
  )
  const columns = (action: RegExp) =>
    new Set(
      alterations.flatMap(({ actions, table }) => matches(actions, action).map((name) => `${table}.${name}`))
    )
  return {
    tables: new Set(matches(text, /CREATE TABLE (?:IF NOT EXISTS )?:SCHEMA\.(\w+)/g)),
    indexes: new Set(matches(text, /CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(\w+)/g)),
    columns: columns(/ADD COLUMN (?:IF NOT EXISTS )?(\w+)/g),
    defaults: columns(/ALTER COLUMN (\w+)\s+SET DEFAULT/g),
    nullable: columns(/ALTER COLUMN (\w+)\s+DROP NOT NULL/g)
  }
}
