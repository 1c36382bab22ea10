import { useState } from "preact/hooks"
import type { Process } from "../../domain/Process.ts"
import type { BranchState } from "../../http/api/Branches.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"
import { say } from "../state/toasts.ts"
import { Confirm } from "./Confirm.tsx"
import { processName } from "./processes.ts"
import { Sign, type Tone } from "./Sign.tsx"
import { Ago } from "./Time.tsx"

const tones = { closed: "good", open: "bad", "half-open": "warn" } as const satisfies {
  [state: string]: Tone
}

const Quota = ({ state: { branch, rentprog } }: { readonly state: BranchState }) => {
  const now = useNow()
  if (rentprog === null) return <span class="faint">{t.branches.unknown}</span>
  const {
    quota_left: left,
    quota_most: full,
    quota_paused_until: until,
    reads_per_minute: perMinute
  } = rentprog
  const text = t.branches.reads(left, perMinute)
  return (
    <span class="quota">
      <meter class="only-heard" aria-label={`${t.branches.quota}, ${branch}`} min={0} max={full} value={left}>
        {text}
      </meter>
      <span class="bar" aria-hidden="true">
        <span style={{ transform: `scaleX(${left / full})` }} />
      </span>
      <span class="faint">
        {until !== null && until.epochMilliseconds > now ? t.branches.pausedUntil(format.time(until)) : text}
      </span>
    </span>
  )
}

/** Whether RentProg takes the branch's token, and whether it answers. */
const RentProg = ({ state: { rentprog, token } }: { readonly state: BranchState }) => {
  if (rentprog === null) return <span class="faint">{t.branches.nobody}</span>
  const { breaker } = rentprog
  return rentprog.token === "ok" ? (
    <span class="state">
      <Sign tone={tones[breaker]} />
      {t.branches.breaker[breaker]}
    </span>
  ) : (
    <span class="state">
      {/* That of a branch which has no events is not missed. */}
      <Sign tone={token === null ? "idle" : "bad"} />
      {t.branches.token[rentprog.token]}
    </span>
  )
}

const Count = ({
  branch,
  state,
  count
}: {
  readonly branch: string
  readonly state: "pending" | "waiting" | "parked"
  readonly count: number
}) => (
  <td class="number tally" data-label={t.branches[state]}>
    <a
      class={count === 0 ? "quiet-link" : `is-${state}`}
      href={`/events?state=${state}&branch=${encodeURIComponent(branch)}`}
    >
      {format.number(count)}
    </a>
  </td>
)

/** Each branch's quota, breaker and backlog; a person can hold one and let it go on. */
export const Branches = ({
  branches,
  processes
}: {
  readonly branches: ReadonlyArray<BranchState>
  readonly processes: ReadonlyArray<Process>
}) => {
  const now = useNow()
  /** Who works for a branch, where that is worth saying. */
  const workers: ReadonlyMap<string, Process> = new Map(
    processes.length < 2
      ? []
      : processes
          .filter(({ present }) => present)
          .flatMap((process) => process.branches.map((branch) => [branch, process]))
  )
  const [asked, setAsked] = useState<BranchState>()
  const pauses = asked !== undefined && asked.paused === null

  return (
    <section class="panel" aria-labelledby="branches">
      <h2 id="branches">{t.branches.title}</h2>
      {branches.length === 0 ? (
        <p class="faint">{t.branches.none}</p>
      ) : (
        <table class="rows cards branches">
          <thead>
            <tr>
              <th scope="col">{t.branches.branch}</th>
              <th scope="col">{t.branches.quota}</th>
              <th scope="col">{t.branches.rentprog}</th>
              <th scope="col" class="number">
                {t.branches.pending}
              </th>
              <th scope="col" class="number">
                {t.branches.waiting}
              </th>
              <th scope="col" class="number">
                {t.branches.parked}
              </th>
              <th scope="col" class="number">
                {t.branches.oldest}
              </th>
              <td />
            </tr>
          </thead>
          <tbody>
            {branches.map((state) => {
              const { branch, name, oldest, paused } = state
              const worker = workers.get(branch)
              return (
                <tr key={branch}>
                  <th scope="row" class="card-title">
                    <span title={name ?? undefined}>{branch}</span>
                    {paused !== null && (
                      <small>{t.branches.paused(paused.by, format.ago(paused.at, now))}</small>
                    )}
                    {worker !== undefined && <small>{t.processes.named(processName(worker))}</small>}
                  </th>
                  <td class="wide-cell" data-label={t.branches.quota}>
                    <Quota state={state} />
                  </td>
                  <td class="wide-cell" data-label={t.branches.rentprog}>
                    <RentProg state={state} />
                  </td>
                  <Count branch={branch} state="pending" count={state.pending} />
                  <Count branch={branch} state="waiting" count={state.waiting} />
                  <Count branch={branch} state="parked" count={state.parked} />
                  <td class="number tally" data-label={t.branches.oldest}>
                    {oldest === null ? <span class="faint">–</span> : <Ago at={oldest} />}
                  </td>
                  <td class="end">
                    <button
                      type="button"
                      aria-label={
                        paused === null ? t.branches.pauseLabel(branch) : t.branches.resumeLabel(branch)
                      }
                      onClick={() => setAsked(state)}
                    >
                      {paused === null ? t.branches.pause : t.branches.resume}
                    </button>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
      {asked !== undefined && (
        <Confirm
          key={asked.branch}
          title={pauses ? t.branches.pauseAsk(asked.branch) : t.branches.resumeAsk(asked.branch)}
          text={pauses ? t.branches.pauseText : t.branches.resumeText}
          does={pauses ? t.branches.pause : t.branches.resume}
          call={({ branches }) =>
            pauses
              ? branches.pause({ params: { branch: asked.branch } })
              : branches.resume({ params: { branch: asked.branch } })
          }
          onDone={() =>
            say(pauses ? t.branches.pausedDone(asked.branch) : t.branches.resumedDone(asked.branch))
          }
          onClose={() => setAsked(undefined)}
        />
      )}
    </section>
  )
}
