import type { Table } from "../../domain/Row.ts"
import { reasonDetail, reasonTitle } from "../i18n/explain.ts"
import { format, t } from "../i18n/index.ts"
import type { Shown } from "../state/useRows.ts"
import { RecordLink } from "./Record.tsx"
import { StateMark } from "./State.tsx"
import { None, Time } from "./Time.tsx"

interface Selection {
  readonly has: (id: string) => boolean
  readonly toggle: (id: string) => void
}

const Reason = ({ reason }: { readonly reason: string | null }) =>
  reason === null ? null : (
    <span class="reason" title={reason}>
      {reasonTitle(reason)}
      {reasonDetail(reason) !== "" && <span class="faint"> {reasonDetail(reason)}</span>}
    </span>
  )

const Line = ({
  table,
  shown: { left, row },
  selection
}: {
  readonly table: Table
  readonly shown: Shown
  readonly selection: Selection
}) => (
  <tr class={`${left ? "left" : ""} ${selection.has(row.id) ? "selected" : ""}`}>
    <td class="check">
      <input
        type="checkbox"
        aria-label={t.list.select(row.id)}
        checked={selection.has(row.id)}
        onChange={() => selection.toggle(row.id)}
      />
    </td>
    <th scope="row" class="card-title">
      <a class="row-link" href={`/${table}/${row.id}`}>
        {row.id}
      </a>
    </th>
    <td class="card-state">
      <StateMark state={row.state} />
    </td>
    <td class="what">
      <span class="type">{row.type ?? <None />}</span>
      {row.description !== null && <span class="sentence">{row.description}</span>}
    </td>
    <td data-label={t.list.record}>
      <RecordLink type={row.entity_type} id={row.entity_id} />
    </td>
    <td data-label={t.list.branch}>{row.branch ?? <None />}</td>
    <td data-label={t.list.reason} class={row.reason === null ? "reason-cell blank" : "reason-cell"}>
      <Reason reason={row.reason} />
      {row.next_attempt_at !== null && row.state === "waiting" && (
        <span class="faint"> · {t.list.next(format.when(row.next_attempt_at))}</span>
      )}
      {left && <span class="only-heard"> {t.list.leftOne}</span>}
    </td>
    <td data-label={t.list.attempts} class="number tries">
      {format.number(row.attempts)}
    </td>
    <td data-label={t.list.arrived} class="number arrived">
      <Time at={row.ts} />
    </td>
  </tr>
)

/** Rows as a table, and as cards where the page is narrow. */
export const RowsTable = ({
  table,
  shown,
  selection,
  allSelected,
  onToggleAll
}: {
  readonly table: Table
  readonly shown: ReadonlyArray<Shown>
  readonly selection: Selection
  readonly allSelected: boolean
  readonly onToggleAll: () => void
}) => (
  <table class={`rows cards list list-${table}`}>
    <thead>
      <tr>
        <th scope="col" class="check">
          <label>
            <input
              type="checkbox"
              aria-label={t.list.selectPage}
              checked={allSelected}
              onChange={onToggleAll}
            />
            <span aria-hidden="true">{t.list.selectPage}</span>
          </label>
        </th>
        <th scope="col">{t.list.id}</th>
        <th scope="col">{t.list.state}</th>
        <th scope="col">{t.list.what}</th>
        <th scope="col">{t.list.record}</th>
        <th scope="col">{t.list.branch}</th>
        <th scope="col">{t.list.reason}</th>
        <th scope="col" class="number">
          {t.list.attempts}
        </th>
        <th scope="col" class="number">
          {t.list.arrived}
        </th>
      </tr>
    </thead>
    <tbody>
      {shown.map((one) => (
        <Line key={one.row.id} table={table} shown={one} selection={selection} />
      ))}
    </tbody>
  </table>
)
