import type { Backlog as Counts } from "../../domain/Backlog.ts"
import type { Table } from "../../domain/Row.ts"
import { reasonTitle } from "../i18n/explain.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"
import { StateIcon } from "./State.tsx"

/** How many reasons are told before the list says the rest in one line. */
const mostReasons = 8

/** What of a table is not done, and why. */
export const Backlog = ({ table, counts }: { readonly table: Table; readonly counts: Counts }) => {
  const now = useNow()
  // What a person has to look at comes first.
  const urgent = counts.reasons.toSorted(
    (a, b) => Number(b.state === "parked") - Number(a.state === "parked")
  )
  const [next, ...further] = urgent.slice(mostReasons)
  return (
    <section class="panel backlog" aria-labelledby={`backlog-${table}`}>
      <header class="panel-head">
        <h2 id={`backlog-${table}`}>
          <a href={`/${table}`}>{t.tables[table]}</a> <small>{t.overview.backlog}</small>
        </h2>
        <span class="faint">
          {counts.oldest !== null && (
            <>
              {t.overview.oldest}: <b>{format.duration(now - counts.oldest.epochMilliseconds)}</b>
            </>
          )}
        </span>
      </header>
      <div class="tiles">
        {(["pending", "waiting", "parked"] as const).map((state) => (
          <a
            key={state}
            class={`tile is-${state} ${counts[state] > 0 ? "some" : ""}`}
            href={`/${table}?state=${state}`}
          >
            <b>{format.number(counts[state])}</b>
            <span>
              <StateIcon state={state} />
              {t.states[state]}
            </span>
          </a>
        ))}
      </div>
      {counts.reasons.length === 0 ? (
        <p class="faint backlog-none">{counts.pending === 0 ? t.overview.nothing : ""}</p>
      ) : (
        <ul class="reasons" aria-label={t.overview.reasons}>
          {urgent.slice(0, mostReasons).map(({ count, reason, state }) => (
            <li key={`${state}-${reason}`}>
              <a href={`/${table}?state=${state}&reason=${encodeURIComponent(reason)}`}>
                <StateIcon state={state} />
                <span class="reason-name">{reasonTitle(reason)}</span>
                <span class="faint">{t.states[state]}</span>
                <b class="number">{format.number(count)}</b>
              </a>
            </li>
          ))}
          {next && (
            <li>
              <a href={`/${table}?state=${next.state}`}>{t.overview.moreReasons(further.length + 1)}</a>
            </li>
          )}
        </ul>
      )}
    </section>
  )
}
