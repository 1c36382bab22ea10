import type { Component } from "../../domain/Component.ts"
import { elsewhere, type Process } from "../../domain/Process.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"
import { partName } from "./findings.ts"
import { placing, processName } from "./processes.ts"
import { Sign, type Tone } from "./Sign.tsx"

const tones: { readonly [S in Component["state"]]: Tone } = {
  up: "good",
  down: "bad",
  starting: "warn",
  refused: "bad"
}

/** The parts that have to work, each with its state and since when. */
export const Parts = ({
  components,
  processes
}: {
  readonly components: ReadonlyArray<Component>
  readonly processes: ReadonlyArray<Process>
}) => {
  const now = useNow()
  const placeOf = placing(processes)
  const sayPlace = (component: Component) => {
    const place = placeOf(component)
    if (place !== undefined) return t.processes.named(processName(place))
    return component.detail === elsewhere ? t.processes.elsewhere : undefined
  }
  return (
    <section class="panel" aria-labelledby="parts">
      <h2 id="parts">{t.overview.parts}</h2>
      <ul class="parts">
        {components.map((component) => {
          const { detail, name, since, state } = component
          const place = sayPlace(component)
          return (
            <li key={name}>
              <Sign tone={tones[state]} />
              <span class="part-name">{partName(name)}</span>
              <span class="faint" title={format.whole(since)}>
                {t.overview[state]} {format.duration(now - since.epochMilliseconds)}
              </span>
              {detail !== null && state !== "up" && <span class="part-detail">{detail}</span>}
              {place !== undefined && <span class="faint part-more wrap">{place}</span>}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
