/** What an instant of Prometheus would say to an expression: enough of the language for the alerts on gauges. */

import type { Sample } from "../http/exposition.ts"

interface Vector extends ReadonlyArray<Omit<Sample, "name">> {}

const compare: { readonly [operator: string]: (one: number, other: number) => boolean } = {
  "==": (one, other) => one === other,
  ">": (one, other) => one > other,
  "<": (one, other) => one < other
}

/** `metric{label=~"…",other!="…"}` */
const select = (samples: ReadonlyArray<Sample>, selector: string): Vector => {
  const [, name, inside = ""] = /^([a-z_]+)(?:\{(.*)\})?$/.exec(selector.trim()) ?? []
  if (name === undefined) throw new Error(`no selector: ${selector}`)
  const matchers = Array.from(inside.matchAll(/(\w+)(=~|!~|=|!=)"([^"]*)"/g))
  return samples.filter(
    (sample) =>
      sample.name === name &&
      matchers.every(([, label = "", operator, wanted = ""]) => {
        const value = sample.labels[label] ?? ""
        const matches = operator?.endsWith("~") ? new RegExp(`^(?:${wanted})$`).test(value) : value === wanted
        return operator?.startsWith("!") ? !matches : matches
      })
  )
}

/** `[time() - ]selector operator number` */
const comparison = (samples: ReadonlyArray<Sample>, text: string, now: number): Vector => {
  const [, since, selector = "", operator = "", number = ""] =
    /^(time\(\) - )?(.*\S) (==|>|<) ([\d.]+)$/.exec(text.trim()) ?? []
  const found = select(samples, selector).map(({ labels, value }) => ({
    labels,
    value: since === undefined ? value : now - value
  }))
  return found.filter(({ value }) => compare[operator]?.(value, Number(number)))
}

/** Comparisons, with `unless on (…)` and `or`. `now` in seconds since 1970. */
export const evaluate = (samples: ReadonlyArray<Sample>, expression: string, now = 0): Vector =>
  expression.split(/\sor\s/).flatMap((alternative) => {
    const [kept = "", labels, without] = alternative.split(/ unless on \(([^)]*)\) /)
    const found = comparison(samples, kept, now)
    if (labels === undefined || without === undefined) return found
    const key = (of: Readonly<Record<string, string>>) =>
      labels.split(",").map((label) => of[label.trim()] ?? "")
    const held = comparison(samples, without, now).map(({ labels }) => String(key(labels)))
    return found.filter(({ labels }) => !held.includes(String(key(labels))))
  })
