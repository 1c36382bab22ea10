import type { Step } from "../../domain/Row.ts"
import { explain, reasonDetail, reasonTitle } from "../i18n/explain.ts"
import { t } from "../i18n/index.ts"
import { Sign, type Tone } from "./Sign.tsx"
import { Ago, Time } from "./Time.tsx"

const tones: { readonly [S in Step["step"]]: Tone } = {
  received: "idle",
  failed: "bad",
  parked: "warn",
  processed: "good",
  retried: "idle",
  discarded: "idle",
  undone: "idle"
}

const Detail = ({ detail }: { readonly detail: string }) =>
  explain(detail) === undefined ? (
    <p class="wrap">{detail}</p>
  ) : (
    <p class="wrap">
      {reasonTitle(detail)} <span class="faint">{reasonDetail(detail)}</span>
    </p>
  )

/** What happened to a row, oldest first. */
export const Story = ({
  steps,
  trace
}: {
  readonly steps: ReadonlyArray<Step>
  /** The row's own trace, which is told elsewhere. */
  readonly trace: string | null
}) => (
  <section class="panel" aria-labelledby="story">
    <h2 id="story">{t.row.story}</h2>
    {steps.length === 0 && <p class="faint">{t.row.noStory}</p>}
    <ol class="story">
      {steps.map(({ at, by, detail, step, trace_id }, index) => (
        <li key={index}>
          <Sign tone={tones[step]} />
          <div>
            <p>
              <b>{t.steps[step]}</b> {by !== null && t.row.by(by)}
            </p>
            {detail !== null && <Detail detail={detail} />}
            <p class="faint">
              <Time at={at} /> · <Ago at={at} />
              {trace_id !== null && trace_id !== trace && (
                <>
                  {" · "}
                  {t.row.trace} <code class="wrap">{trace_id}</code>
                </>
              )}
            </p>
          </div>
        </li>
      ))}
    </ol>
  </section>
)
