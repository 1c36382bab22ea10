import { useState } from "preact/hooks"
import type { Row, Table } from "../../domain/Row.ts"
import { explain, reasonDetail, reasonTitle } from "../i18n/explain.ts"
import { t } from "../i18n/index.ts"
import { Columns } from "../parts/Columns.tsx"
import { Heading } from "../parts/Heading.tsx"
import { Json } from "../parts/Json.tsx"
import { Notice } from "../parts/Notice.tsx"
import { RecordLink } from "../parts/Record.tsx"
import { type Intent, RowsDialog } from "../parts/RowsDialog.tsx"
import { StateMark } from "../parts/State.tsx"
import { Story } from "../parts/Story.tsx"
import { Ago, Time, Until } from "../parts/Time.tsx"
import { Trace } from "../parts/Trace.tsx"
import { useCall } from "../state/useCall.ts"

const every = 5000

/** How the row stands in plain words, and what to do about it. */
const Standing = ({ row }: { readonly row: Row }) => {
  const { attempts, next_attempt_at, reason, state } = row
  const explained = reason === null ? undefined : explain(reason)
  return (
    <section class={`panel standing is-${state}`} aria-labelledby="standing">
      <h2 id="standing">
        <StateMark state={state} />
        {reason !== null && <span>{reasonTitle(reason)}</span>}
      </h2>
      <dl class="words">
        <dt>{t.row.meaning}</dt>
        <dd>
          {explained?.means} {t.stateText[state]}
        </dd>
        {explained && (state === "parked" || state === "waiting" || state === "discarded") && (
          <>
            <dt>{t.row.todo}</dt>
            <dd>{explained.todo}</dd>
          </>
        )}
        {reason !== null && reasonDetail(reason) !== "" && (
          <>
            <dt>{t.row.said}</dt>
            <dd>
              <code class="wrap">{reason}</code>
            </dd>
          </>
        )}
        {state === "waiting" && next_attempt_at !== null && (
          <>
            <dt>{t.row.next}</dt>
            <dd>
              <Time at={next_attempt_at} /> · <Until at={next_attempt_at} />
            </dd>
          </>
        )}
      </dl>
      <p class="faint">
        {t.row.attempts(attempts)}
        {state === "discarded" && ` · ${t.row.undoHint}`}
      </p>
    </section>
  )
}

const Payloads = ({
  table,
  row: { columns, cut, description }
}: {
  readonly table: Table
  readonly row: Row
}) => {
  const json = (label: string, column: string) => (
    <Json label={label} value={columns[column] ?? null} cut={cut.includes(column)} />
  )
  const isKept = cut.includes("payload_received") || (columns["payload_received"] ?? null) !== null
  return table === "events" ? (
    <div class="columns">
      <section class="panel">
        <h2>{t.row.received}</h2>
        {json(t.row.received, isKept ? "payload_received" : "payload")}
      </section>
      <section class="panel">
        <h2>{t.row.normalised}</h2>
        {json(t.row.normalised, "payload")}
      </section>
    </div>
  ) : (
    <div class="columns">
      <section class="panel">
        <h2>{t.row.sentence}</h2>
        <p class="said wrap">{description ?? t.none}</p>
      </section>
      <section class="panel">
        <h2>{t.row.raw}</h2>
        {json(t.row.raw, "raw_data")}
      </section>
    </div>
  )
}

/** A row's whole story. */
export const RowPage = ({ table, id }: { readonly table: Table; readonly id: string }) => {
  const {
    problem,
    reload,
    value: row
  } = useCall(({ rows }) => rows.one({ params: { table, id } }), `${table} ${id}`, every)
  const [intent, setIntent] = useState<Intent>()
  const plan = (deed: Intent["deed"]) => () => setIntent({ deed, table, which: { ids: [id] } })
  const isOpen = row !== undefined && row.state !== "processed" && row.state !== "discarded"
  return (
    <>
      <p class="crumbs">
        <a href={`/${table}`}>{t.tables[table]}</a>
      </p>
      <div class="title-line">
        <Heading title={`${t.one[table]} ${id}`} />
        <span class="title-actions">
          <button
            type="button"
            class={isOpen ? "primary" : ""}
            disabled={row === undefined}
            onClick={plan("retry")}
          >
            {t.deeds.retry}
          </button>
          {/* Not disabled: it may have the focus when the row comes to be done. */}
          <button type="button" aria-disabled={!isOpen} onClick={isOpen ? plan("discard") : undefined}>
            {t.deeds.discard}
          </button>
        </span>
      </div>
      <p class="subtitle">
        {row === undefined ? (
          "\u00a0"
        ) : (
          <>
            <span class="type">{row.type}</span>
            <RecordLink type={row.entity_type} id={row.entity_id} />
            <span>{row.branch}</span>
            <span class="faint">
              <Ago at={row.ts} />
            </span>
          </>
        )}
      </p>
      <Notice problem={problem} retry={reload} />
      {row === undefined ? (
        problem?.kind !== "not-found" && <div key="skeleton" class="skeleton" aria-hidden="true" />
      ) : (
        <div key="sections" class="sections">
          <div class="columns">
            <Standing row={row} />
            <Story steps={row.story} trace={row.trace_id} />
          </div>
          {row.trace_id !== null && (
            <p class="trace-line">
              <span class="faint">{t.row.trace}</span> <Trace id={row.trace_id} />
            </p>
          )}
          <Payloads table={table} row={row} />
          <section class="panel">
            <h2>{t.row.columns}</h2>
            <Columns columns={row.columns} cut={row.cut} />
          </section>
        </div>
      )}
      {intent && <RowsDialog intent={intent} onClose={() => setIntent(undefined)} onDone={reload} />}
    </>
  )
}
