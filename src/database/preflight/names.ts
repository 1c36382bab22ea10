/** How findings name things, and how the statements that they advise do. */
import type { Comparison } from "./Comparison.ts"

/** Words that are no names unless they are quoted, of those that people call columns by. */
const reserved =
  /^(all|check|default|desc|end|from|group|limit|offset|order|primary|references|table|to|user|when|window)$/

/** A name as SQL takes it. */
export const ident = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.test(name) ? name : `"${name.replaceAll('"', '""')}"`

/** Something of the schema as a statement names it, whatever the search path of whoever runs it is. */
export const within = ({ schema }: Pick<Comparison, "schema">, name: string): string =>
  `${ident(schema)}.${ident(name)}`

/** Up to five names. */
export const list = (names: ReadonlyArray<string>): string =>
  names.length <= 5 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`

/** What works wherever a table of the company's cannot be changed. */
export const elsewhere = "give Jarvis a schema of its own"
