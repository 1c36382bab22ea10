import type { RowState } from "../../domain/Row.ts"
import { t } from "../i18n/index.ts"

/** A shape for each state, so that colour is never all that tells them apart. */
const shapes: { readonly [S in RowState]: string } = {
  pending: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z",
  waiting: "M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8ZM8 5.2V8l1.9 1.6",
  parked: "M8 2.6 14 13H2ZM8 6.6v3M8 11.2v.2",
  processed: "m3.4 8.4 3 3 6.2-6.6",
  discarded: "M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8ZM4.4 4.4l7.2 7.2"
}

export const StateIcon = ({ state }: { readonly state: RowState }) => (
  <svg class={`icon is-${state}`} viewBox="0 0 16 16" aria-hidden="true">
    <path d={shapes[state]} />
  </svg>
)

export const StateMark = ({ state }: { readonly state: RowState }) => (
  <span class={`state is-${state}`}>
    <StateIcon state={state} />
    {t.states[state]}
  </span>
)
