import type { Process } from "../../domain/Process.ts"
import type { Overview } from "../../http/api/Overview.ts"
import type { Moment } from "../i18n/format.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"
import { partName } from "./findings.ts"
import { processName } from "./processes.ts"
import { Sign } from "./Sign.tsx"

/** How many names stand in a line; the branches' own rows name all. */
const most = 8

const listed = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, most).join(", ")
  return names.length > most ? t.processes.more(shown, names.length - most) : shown
}

const Line = ({ at, process }: { readonly at: Moment; readonly process: Process }) => {
  const now = useNow()
  const { branches, components, listens, present, role, seen_at, self, started_at } = process
  const unwell = components
    .filter(({ state }) => state === "down" || state === "refused")
    .map(({ name }) => partName(name))
  return (
    <li>
      <Sign tone={present && unwell.length === 0 ? "good" : "warn"} />
      <b class="part-name">{processName(process)}</b>
      {self && <span class="faint">{t.processes.self}</span>}
      {present ? (
        <>
          <span class="part-more">{t.processes.roles[role]}</span>
          {listens && <span class="part-more">{t.processes.listens}</span>}
          {branches.length > 0 && (
            <span class="part-more wrap">{t.processes.branches(branches.length, listed(branches))}</span>
          )}
        </>
      ) : (
        <span class="part-detail">
          {t.processes.unseen(format.duration(at.epochMilliseconds - seen_at.epochMilliseconds))}
        </span>
      )}
      {unwell.length > 0 && <span class="part-detail">{t.processes.unwell(listed(unwell))}</span>}
      <span class="faint part-more" title={format.whole(started_at)}>
        {t.processes.started(format.ago(started_at, now))}
      </span>
    </li>
  )
}

/** All processes, who does what; of one that is alone a line. */
export const Processes = ({ overview: { at, processes } }: { readonly overview: Overview }) => {
  const now = useNow()
  const [first, ...others] = processes
  if (first === undefined) return null
  return others.length === 0 ? (
    <p class="faint wrap">
      {t.processes.alone(
        processName(first),
        t.processes.roles[first.role],
        t.processes.started(format.ago(first.started_at, now))
      )}
    </p>
  ) : (
    <section class="panel" aria-labelledby="processes">
      <h2 id="processes">{t.processes.title}</h2>
      <ul class="parts processes">
        {processes.map((process) => (
          <Line key={process.id} at={at} process={process} />
        ))}
      </ul>
    </section>
  )
}
