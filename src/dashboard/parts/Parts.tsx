import type { Component } from "../../domain/Component.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"
import { partName } from "./findings.ts"
import { Sign, type Tone } from "./Sign.tsx"

const tones: { readonly [S in Component["state"]]: Tone } = {
  up: "good",
  down: "bad",
  starting: "warn",
  refused: "bad"
}

/** The parts that have to work, each with its state and since when. */
export const Parts = ({ components }: { readonly components: ReadonlyArray<Component> }) => {
  const now = useNow()
  return (
    <section class="panel" aria-labelledby="parts">
      <h2 id="parts">{t.overview.parts}</h2>
      <ul class="parts">
        {components.map(({ detail, name, since, state }) => (
          <li key={name}>
            <Sign tone={tones[state]} />
            <span class="part-name">{partName(name)}</span>
            <span class="faint" title={format.whole(since)}>
              {t.overview[state]} {format.duration(now - since.epochMilliseconds)}
            </span>
            {detail !== null && state !== "up" && <span class="part-detail">{detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}
