import type { Happening } from "../../domain/Mirrored.ts"
import { t } from "../i18n/index.ts"
import { Cut } from "./Cut.tsx"
import { Ago, Time } from "./Time.tsx"

const wordOf = (words: { readonly [key: string]: string }, key: string): string => words[key] ?? key

const shown = (value: unknown): string =>
  value === null || value === undefined || value === ""
    ? t.entity.empty
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value)

/** `{field: [old, new]}`; whatever else stands there is shown as what is new. */
const pairOf = (
  change: unknown
): { readonly old: unknown; readonly fresh: unknown; readonly known: boolean } =>
  Array.isArray(change) && change.length === 2
    ? { old: change[0], fresh: change[1], known: true }
    : { old: undefined, fresh: change, known: false }

const Changes = ({ changes }: { readonly changes: { readonly [field: string]: unknown } }) => (
  <ul class="changes">
    {Object.entries(changes).map(([field, change]) => {
      const { fresh, known, old } = pairOf(change)
      return (
        <li key={field}>
          <code>{field}</code>
          <span>
            {known && (
              <>
                <span class="old">{shown(old)}</span>{" "}
                <span role="img" aria-label={t.entity.becomes}>
                  →
                </span>{" "}
              </>
            )}
            {shown(fresh)}
          </span>
        </li>
      )
    })}
  </ul>
)

/** The row that told of it: the id is that of an event or entry; where an operator acted, `events:42`. */
const rowOf = (source: string, id: string) => {
  const [, table, number] = /^(events|history):(\d+)$/.exec(id) ?? []
  if (table !== undefined) return { href: `/${table}/${number}`, id: number }
  if (!/^\d+$/.test(id)) return undefined
  return source === "event"
    ? { href: `/events/${id}`, id }
    : source === "history"
      ? { href: `/history/${id}`, id }
      : undefined
}

const Source = ({ source, id }: { readonly source: string | null; readonly id: string | null }) => {
  if (source === null) return null
  const word = wordOf(t.entity.sources, source)
  const row = rowOf(source, id ?? "")
  return row === undefined ? (
    <span>{word}</span>
  ) : (
    <a href={row.href}>
      {word} {row.id}
    </a>
  )
}

/** What happened to a record, the newest first. */
export const Timeline = ({ happenings }: { readonly happenings: ReadonlyArray<Happening> }) => (
  <ol class="timeline">
    {happenings.map(({ at, branch, changes, cut, id, operation, source, source_id, user_name }) => (
      <li key={id}>
        <p class="timeline-head">
          <b>{operation === null ? t.entity.happened : wordOf(t.entity.operations, operation)}</b>
          {user_name !== null && <span>{user_name}</span>}
          <span class="faint">{branch}</span>
          <Source source={source} id={source_id} />
          <span class="faint timeline-at">
            <Time at={at} /> · <Ago at={at} />
          </span>
        </p>
        {cut.includes("changes") && <Cut />}
        {changes !== null && Object.keys(changes).length > 0 && <Changes changes={changes} />}
      </li>
    ))}
  </ol>
)
