/** What processes are called, and which of them says what. */
import type { Component } from "../../domain/Component.ts"
import type { Process } from "../../domain/Process.ts"

export const processName = ({ host, pid }: Process): string => `${host} · ${pid}`

/** Apart from the one that answers. */
export const othersPresent = (processes: ReadonlyArray<Process>): ReadonlyArray<Process> =>
  processes.filter(({ present, self }) => present && !self)

const keyOf = ({ name, since, state }: Component): string => `${since.epochMilliseconds} ${state} ${name}`

/** Tells of a part which process it runs in; undefined where that is the one that answers. */
export const placing = (
  processes: ReadonlyArray<Process>
): ((component: Component) => Process | undefined) => {
  const places = new Map(
    othersPresent(processes).flatMap((process) =>
      process.components.map((component) => [keyOf(component), process] as const)
    )
  )
  return (component) => places.get(keyOf(component))
}
