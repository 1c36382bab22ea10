import { useEffect, useState } from "preact/hooks"
import { useLocation } from "preact-iso"
import type { Table } from "../../domain/Row.ts"
import { t } from "../i18n/index.ts"
import { Edge } from "../parts/Edge.tsx"
import { Filters } from "../parts/Filters.tsx"
import { focusHeading, Heading } from "../parts/Heading.tsx"
import { Notice } from "../parts/Notice.tsx"
import { type Intent, RowsDialog, type Which } from "../parts/RowsDialog.tsx"
import { RowsTable } from "../parts/RowsTable.tsx"
import { address, beforeOf, filterOf, type Query, queryOf } from "../state/filters.ts"
import { useRows } from "../state/useRows.ts"

/** The rows of a table that the filters of the address match. */
export const RowsPage = ({ table }: { readonly table: Table }) => {
  const { query: asked } = useLocation()
  const query: Query = asked
  const filter = filterOf(query)
  const before = beforeOf(query)
  const here = JSON.stringify([filter, before])
  const { fresh, freshMore, loading, next, problem, reload, showFresh, shown } = useRows(
    table,
    filter,
    before
  )
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [intent, setIntent] = useState<Intent>()

  useEffect(() => setSelected(new Set()), [here])
  useEffect(() => {
    if (before.before === undefined) return
    scrollTo(0, 0)
    focusHeading()
  }, [before.before])

  const left = shown?.filter(({ left }) => left).length ?? 0
  const ids = shown?.map(({ row }) => row.id) ?? []
  // What is not shown any more is not chosen either.
  const chosenIds = ids.filter((id) => selected.has(id))
  const allSelected = ids.length > 0 && chosenIds.length === ids.length
  const toggle = (id: string): void => {
    const next = new Set(chosenIds)
    if (!next.delete(id)) next.add(id)
    setSelected(next)
  }
  const plan = (deed: Intent["deed"], which: Which) => () => setIntent({ deed, table, which })
  const [first, ...others] = chosenIds
  const chosen: Which | undefined = first === undefined ? undefined : { ids: [first, ...others] }
  const done = (): void => {
    setSelected(new Set())
    reload()
  }

  return (
    <>
      <div class="title-line">
        <Heading title={filter.state ? `${t.states[filter.state]} · ${t.tables[table]}` : t.tables[table]}>
          {t.tables[table]}
        </Heading>
        <span class="title-actions">
          <button type="button" disabled={ids.length === 0} onClick={plan("retry", { filter })}>
            {t.list.retryMatching}
          </button>
          <button type="button" disabled={ids.length === 0} onClick={plan("discard", { filter })}>
            {t.list.discardMatching}
          </button>
        </span>
      </div>
      <Filters table={table} query={queryOf(filter)} />
      <Notice problem={problem} retry={reload} />
      <div class="list-status">
        {fresh > 0 && (
          <button type="button" class="fresh" onClick={showFresh}>
            {t.list.fresh(fresh, freshMore)}
          </button>
        )}
        {left > 0 && <span class="faint">{t.list.left(left)}</span>}
        {left > 0 && fresh === 0 && (
          <button type="button" class="fresh" onClick={showFresh}>
            {t.list.refresh}
          </button>
        )}
        {/* Heard when the reader changes it; what comes by itself interrupts nobody. */}
        <output class="faint">
          {left === 0 && fresh === 0 && shown !== undefined && t.list.shown(shown.length)}
        </output>
      </div>
      <div class={`panel list-panel ${loading ? "loading" : ""}`} aria-busy={loading}>
        {shown === undefined ? (
          <div key="skeleton" class="skeleton" aria-hidden="true" />
        ) : shown.length === 0 ? (
          <div key="empty" class="empty">
            <p>{t.list.empty}</p>
            <p class="faint">{t.list.emptyHint}</p>
          </div>
        ) : (
          <RowsTable
            key="table"
            table={table}
            shown={shown}
            selection={{ has: (id) => selected.has(id), toggle }}
            allSelected={allSelected}
            onToggleAll={() => setSelected(new Set(allSelected ? [] : ids))}
          />
        )}
      </div>
      <nav class="pager" aria-label={t.list.older}>
        {before.before !== undefined && (
          <a class="button" href={address(`/${table}`, queryOf(filter))}>
            {t.list.newest}
          </a>
        )}
        {next !== null && (
          <a class="button" href={address(`/${table}`, { ...queryOf(filter), before: next })} rel="next">
            {t.list.older}
          </a>
        )}
      </nav>
      {chosen && (
        <Edge>
          <section class="selection-bar" aria-label={t.list.selected(chosenIds.length)}>
            <span>{t.list.selected(chosenIds.length)}</span>
            <span class="selection-actions">
              <button type="button" class="primary" onClick={plan("retry", chosen)}>
                {t.deeds.retry}
              </button>
              <button type="button" onClick={plan("discard", chosen)}>
                {t.deeds.discard}
              </button>
              <button type="button" class="bare" onClick={() => setSelected(new Set())}>
                {t.list.unselect}
              </button>
            </span>
          </section>
        </Edge>
      )}
      {intent && <RowsDialog intent={intent} onClose={() => setIntent(undefined)} onDone={done} />}
    </>
  )
}
