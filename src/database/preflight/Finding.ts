/** Something that is not as Jarvis expects it. */

/**
 * `fatal`: Jarvis cannot work. `risk`: it works, and something of it may be refused, changed or replaced. `harmless`:
 * worth knowing.
 */
export type Level = "fatal" | "risk" | "harmless"

export interface Finding {
  readonly level: Level
  /** `column events.id`, `trigger events.my_trigger`, `function parse_history_description(text)` */
  readonly object: string
  /** What it is: `uuid`. */
  readonly is: string
  /** What it must be: `bigint`. */
  readonly must: string
  /** What a person can do about it: a statement, or a sentence. */
  readonly todo: string
  /** Whether Jarvis would not meet it in a schema of its own. */
  readonly cured: boolean
}

/** The worst first. */
export const levels: ReadonlyArray<Level> = ["fatal", "risk", "harmless"]

/** By level, and of one level by name. */
export const worstFirst = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  levels.flatMap((level) =>
    findings
      .filter((finding) => finding.level === level)
      .sort((one, other) => (one.object < other.object ? -1 : one.object > other.object ? 1 : 0))
  )

type Said = Pick<Finding, "is" | "must" | "todo">

/** Something about the schema. */
export const inSchema = (level: Level, object: string, said: Said): Finding => ({
  level,
  object,
  ...said,
  cured: true
})

/** Something that a schema of Jarvis's own would meet as well. */
export const anywhere = (level: Level, object: string, said: Said): Finding => ({
  level,
  object,
  ...said,
  cured: false
})
