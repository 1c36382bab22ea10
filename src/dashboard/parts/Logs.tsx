import type { LogBacklog } from "../../domain/Backlog.ts"
import type { Component } from "../../domain/Component.ts"
import { t } from "../i18n/index.ts"
import { Sign } from "./Sign.tsx"
import { Ago, Time } from "./Time.tsx"

/** How far each operations log is known, and whether it can be read. */
export const Logs = ({
  components,
  logs
}: {
  readonly components: ReadonlyArray<Component>
  readonly logs: ReadonlyArray<LogBacklog>
}) => (
  <section class="panel" aria-labelledby="logs">
    <h2 id="logs">{t.logs.title}</h2>
    {logs.length === 0 ? (
      <p class="faint">{t.logs.none}</p>
    ) : (
      <ul class="parts">
        {logs.map(({ branch, read_until }) => {
          const part = components.find(({ name }) => name === `log ${branch}`)
          const state = part === undefined ? "untried" : part.state === "up" ? "read" : "failed"
          return (
            <li key={branch}>
              <Sign tone={state === "read" ? "good" : state === "failed" ? "bad" : "idle"} />
              <span class="part-name">{branch}</span>
              <span class="faint">{t.logs[state]}</span>
              <span class="faint part-more">
                {read_until === null ? (
                  t.logs.never
                ) : (
                  <>
                    {t.logs.until} <Time at={read_until} /> · <Ago at={read_until} />
                  </>
                )}
              </span>
            </li>
          )
        })}
      </ul>
    )}
  </section>
)
