/**
 * Prometheus' text format, version 0.0.4, read as strictly as `promtool check metrics` does: a line that is not of it, a
 * series told twice, or a name against the conventions is an error.
 */

export interface Sample {
  /** With `_bucket`, `_sum` or `_count`, where it is a histogram's. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string | null
  readonly samples: ReadonlyArray<Sample>
}

const metricName = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const header = new RegExp(`^# (HELP|TYPE) (${metricName}) (.*)$`)
const sample = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (\\S+)$`)
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y
const number = /^(?:[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|[-+]Inf|NaN)$/i

const unescaped = (text: string) =>
  text.replaceAll(/\\(["\\n])/g, (_, char: string) => (char === "n" ? "\n" : char))

const labelsOf = (text: string, line: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  while (label.lastIndex < text.length) {
    const [, name = "", value = ""] = label.exec(text) ?? []
    if (name === "" || name.startsWith("__") || name in labels) throw new Error(`labels: ${line}`)
    labels[name] = unescaped(value)
  }
  return labels
}

const toNumber = (text: string): number => Number(text.replace("Inf", "Infinity"))

/** The families of a text, by name. */
export const parse = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith("\n")) throw new Error("the last line has no end")
  const families = new Map<
    string,
    { name: string; type: string; help: string | null; samples: Array<Sample> }
  >()
  const seen = new Set<string>()
  let current: string | undefined
  let help: readonly [name: string, text: string] | undefined
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = header.exec(line) ?? []
    if (kind === "HELP") {
      if (families.has(name) || help !== undefined) throw new Error(`out of place: ${line}`)
      help = [name, rest]
      continue
    }
    if (kind === "TYPE") {
      if (families.has(name) || (help !== undefined && help[0] !== name))
        throw new Error(`out of place: ${line}`)
      if (!/^(counter|gauge|histogram|summary)$/.test(rest)) throw new Error(`type: ${line}`)
      families.set(name, { name, type: rest, help: help?.[1] ?? null, samples: [] })
      help = undefined
      current = name
      continue
    }
    const [, full, labels = "", value = ""] = sample.exec(line) ?? []
    if (full === undefined || !number.test(value)) throw new Error(`no sample: ${line}`)
    const family = families.get(current ?? "")
    const suffix = family?.type === "histogram" ? "_(?:bucket|sum|count)" : ""
    if (family === undefined || !new RegExp(`^${family.name}${suffix}$`).test(full)) {
      throw new Error(`a sample of another family: ${line}`)
    }
    const read = labelsOf(labels, line)
    const series = `${full} ${JSON.stringify(Object.entries(read).sort())}`
    if (seen.has(series)) throw new Error(`told twice: ${line}`)
    seen.add(series)
    family.samples.push({ name: full, labels: read, value: toNumber(value) })
  }
  for (const family of families.values()) lint(family)
  return families
}

const lint = ({ name, samples, type }: Family) => {
  if (samples.length === 0) throw new Error(`${name} has no sample`)
  if ((type === "counter") !== name.endsWith("_total")) throw new Error(`${name} is a ${type}`)
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is negative`)
  if (type !== "histogram") return
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  for (const all of series.values()) {
    const buckets = all.filter((one) => one.name.endsWith("_bucket"))
    const bounds = buckets.map(({ labels }) => toNumber(labels["le"] ?? "NaN"))
    const counts = buckets.map(({ value }) => value)
    const isRising = (values: ReadonlyArray<number>, strictly: boolean) =>
      values.every((value, n) => n === 0 || value - (values[n - 1] ?? 0) >= (strictly ? Number.MIN_VALUE : 0))
    const count = all.find((one) => one.name === `${name}_count`)?.value
    const isWhole =
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      counts.at(-1) === count &&
      all.some((one) => one.name === `${name}_sum`)
    if (!isRising(bounds, true) || !isRising(counts, false) || !isWhole) {
      throw new Error(`${name} is no whole histogram`)
    }
  }
}
