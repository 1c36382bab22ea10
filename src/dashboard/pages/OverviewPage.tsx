import { format, t } from "../i18n/index.ts"
import { Backlog } from "../parts/Backlog.tsx"
import { Branches } from "../parts/Branches.tsx"
import { Charts } from "../parts/Charts.tsx"
import { Heading } from "../parts/Heading.tsx"
import { Logs } from "../parts/Logs.tsx"
import { Parts } from "../parts/Parts.tsx"
import { Processes } from "../parts/Processes.tsx"
import { Verdict } from "../parts/Verdict.tsx"
import { useLive } from "../state/live.ts"

/** How things stand, at a glance. */
export const OverviewPage = () => {
  const live = useLive()
  const { away, connection, overview } = live
  const isOld = connection !== "live" && overview !== undefined
  return (
    <>
      <Heading title={t.overview.title}>
        <span class="only-heard">{t.overview.title}</span>
      </Heading>
      <Verdict live={live} />
      {away !== undefined && <Parts components={away.components} processes={[]} />}
      {overview === undefined ? (
        away === undefined && <div key="skeleton" class="skeleton" aria-hidden="true" />
      ) : (
        <div key="sections" class={isOld ? "sections stale" : "sections"}>
          {isOld && <p class="faint">{t.live.stale(format.time(overview.at))}</p>}
          {away === undefined && <Parts components={overview.components} processes={overview.processes} />}
          <Processes overview={overview} />
          <div class="columns">
            <Backlog table="events" counts={overview.events} />
            <Backlog table="history" counts={overview.history} />
          </div>
          <Charts overview={overview} />
          <Branches branches={overview.branches} processes={overview.processes} />
          <Logs components={overview.components} logs={overview.logs} />
        </div>
      )}
    </>
  )
}
