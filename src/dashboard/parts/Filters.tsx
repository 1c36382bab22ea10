import { useEffect, useId, useRef, useState } from "preact/hooks"
import { useLocation } from "preact-iso"
import { eventTypes } from "../../domain/Event.ts"
import { rowStates, type Table } from "../../domain/Row.ts"
import { explain, reasonCodes } from "../i18n/explain.ts"
import { t } from "../i18n/index.ts"
import { address, type FilterName, filterNames, isoTime, localTime, type Query } from "../state/filters.ts"
import { useLive } from "../state/live.ts"
import { StateIcon } from "./State.tsx"

const kinds = Object.keys(t.entity.types)

interface Option {
  readonly value: string
  readonly text: string
}

const Choice = ({
  label,
  any = t.list.any,
  value,
  options,
  onChange
}: {
  readonly label: string
  /** The word for no choice. */
  readonly any?: string
  readonly value: string
  readonly options: ReadonlyArray<Option>
  readonly onChange: (value: string) => void
}) => {
  const id = useId()
  // What the address asks for is always among what can be chosen.
  const all =
    value === "" || options.some((option) => option.value === value)
      ? options
      : [...options, { value, text: value }]
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{any}</option>
        {all.map(({ text, value }) => (
          <option value={value} key={value}>
            {text}
          </option>
        ))}
      </select>
    </p>
  )
}

const Moment = ({
  label,
  value,
  onChange
}: {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}) => {
  const id = useId()
  const [text, setText] = useState(localTime(value))
  useEffect(() => setText(localTime(value)), [value])
  // Half a time, and each digit of a year, is not yet what is meant.
  const commit = ({
    currentTarget: { validity, value: next }
  }: {
    readonly currentTarget: HTMLInputElement
  }) => {
    if (next !== localTime(value) && validity.valid) onChange(isoTime(next))
  }
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="datetime-local"
        max="9999-12-31T23:59"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === "Enter") commit(event)
        }}
      />
    </p>
  )
}

/** How long typing rests before it counts, in milliseconds. */
const rest = 350

const Search = ({
  value,
  onChange
}: {
  readonly value: string
  readonly onChange: (value: string) => void
}) => {
  const id = useId()
  const [text, setText] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  // What else is chosen while typing rests counts too.
  const latest = useRef(onChange)
  latest.current = onChange
  // A space at the end may be the beginning of another word.
  useEffect(() => setText((text) => (text.trim() === value ? text : value)), [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <p class="field search">
      <label for={id}>{t.list.text}</label>
      <input
        id={id}
        type="search"
        maxLength={200}
        placeholder={t.list.textHint}
        value={text}
        onInput={(event) => {
          const next = event.currentTarget.value
          setText(next)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => latest.current(next.trim()), rest)
        }}
      />
    </p>
  )
}

/** The filters of a list. They live in the address bar: the back button takes a choice back, and a link shares it. */
export const Filters = ({ table, query }: { readonly table: Table; readonly query: Query }) => {
  const { route } = useLocation()
  const { overview } = useLive()
  const path = `/${table}`
  const value = (name: FilterName): string => query[name] ?? ""
  const chosen: Query = Object.fromEntries(filterNames.map((name) => [name, query[name]]))
  const choose =
    (name: FilterName, replace = false) =>
    (next: string): void => {
      if (next !== value(name)) route(address(path, { ...chosen, [name]: next }), replace)
    }
  const types = table === "events" ? eventTypes : kinds
  const typeText = (type: string): string =>
    Object.entries(t.entity.types).find(([kind]) => kind === type)?.[1] ?? type
  const [open, setOpen] = useState(false)
  const isFiltered = filterNames.some((name) => value(name) !== "")

  return (
    <section aria-label={t.list.filters}>
      <nav class="segments" aria-label={t.list.state}>
        {[undefined, ...rowStates].map((state) => (
          <a
            key={state ?? "all"}
            href={address(path, { ...chosen, state })}
            aria-current={value("state") === (state ?? "") ? "page" : undefined}
          >
            {state && <StateIcon state={state} />}
            {state ? t.states[state] : t.list.all}
          </a>
        ))}
      </nav>
      <search>
        <form class={open ? "filters open" : "filters"} onSubmit={(event) => event.preventDefault()}>
          <Search value={value("text")} onChange={choose("text", true)} />
          <button type="button" class="filters-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t.list.filters}
          </button>
          <Choice
            label={t.list.branch}
            value={value("branch")}
            options={(overview?.branches ?? []).map(({ branch }) => ({ value: branch, text: branch }))}
            onChange={choose("branch")}
          />
          <Choice
            label={table === "events" ? t.list.type : t.list.kind}
            value={value("type")}
            options={types.map((type) => ({ value: type, text: typeText(type) }))}
            onChange={choose("type")}
          />
          <Choice
            label={t.list.reason}
            any={t.list.anyReason}
            value={value("reason")}
            options={reasonCodes.map((code) => ({ value: code, text: explain(code)?.title ?? code }))}
            onChange={choose("reason")}
          />
          <Moment label={t.list.from} value={value("from")} onChange={choose("from", true)} />
          <Moment label={t.list.to} value={value("to")} onChange={choose("to", true)} />
          <a class={isFiltered ? "button bare" : "button bare hidden"} href={path}>
            {t.list.clear}
          </a>
        </form>
      </search>
    </section>
  )
}
