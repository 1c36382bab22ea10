/** The figures as plots, for light and dark pages alike: they bring their own white ground. */
import { init, type SeriesOption } from "echarts"
import { contestants, type Figure, type Results } from "./Results.ts"
import { median } from "./statistics.ts"
import { shown, variantsOf } from "./table.ts"

/** A plot, and what its file is called. */
export interface Plot {
  readonly name: string
  readonly title: string
  readonly svg: string
}

/** Apart also for those who see no colours: by lightness. */
const colours = {
  "bare table": "#9aa3ad",
  Jarvis: "#0a6e5c",
  "graphile-worker": "#e0912f",
  "pg-boss": "#5b6bb5"
}

const ink = "#1f2933"
const width = 860
const rowHeight = 96

/** Bars of every contestant for each figure: the medians. */
const bars = (title: string, figures: ReadonlyArray<Figure>): string => {
  const height = 110 + rowHeight * figures.length
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height })
  const present = contestants.filter((name) => figures.some(({ rounds }) => rounds[name] !== undefined))
  const series = present.flatMap((name): ReadonlyArray<SeriesOption> => {
    const values = figures.map(({ rounds }) => rounds[name])
    return [
      {
        name,
        type: "bar",
        itemStyle: { color: colours[name] },
        data: values.map((of) => (of === undefined ? "-" : median(of))),
        label: {
          show: true,
          position: "right",
          color: ink,
          fontSize: 13,
          formatter: ({ value }) => (typeof value === "number" ? shown(value) : "")
        }
      }
    ]
  })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, sans-serif", color: ink },
    title: { text: title, left: 12, top: 10, textStyle: { fontSize: 17, color: ink } },
    legend: { top: 42, left: 12, itemGap: 36, data: present, textStyle: { fontSize: 13, color: ink } },
    grid: { left: 260, right: 80, top: 80, bottom: 30 },
    xAxis: {
      type: "value",
      axisLabel: { color: ink, fontSize: 12 },
      splitLine: { lineStyle: { color: "#e4e7eb" } }
    },
    yAxis: {
      type: "category",
      inverse: true,
      data: figures.map(({ what }) => what),
      axisLabel: { color: ink, fontSize: 13, width: 210, overflow: "break" }
    },
    series
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** The variants of a figure, each as a figure of its own. */
const variants = (figure: Figure): ReadonlyArray<Figure> =>
  variantsOf(figure).map((suffix) => ({
    ...figure,
    what: `… ${suffix.slice(2)}`,
    rounds: Object.fromEntries(
      Object.entries(figure.rounds).flatMap(([name, values]) =>
        name.endsWith(suffix) ? [[name.slice(0, -suffix.length), values]] : []
      )
    )
  }))

/** A plot for each group of figures that can be compared: of one unit. */
export const plots = ({ parts }: Results): ReadonlyArray<Plot> => {
  const figures = Object.values(parts).flatMap((part) => part.figures)
  const of = (...names: ReadonlyArray<string>) =>
    figures.filter(({ what }) => names.some((name) => what.startsWith(name)))
  const groups: ReadonlyArray<Omit<Plot, "svg"> & { readonly figures: ReadonlyArray<Figure> }> = [
    { name: "insert", title: "Single-row INSERT: rows a second", figures: of("single-row INSERT") },
    { name: "bulk", title: "One INSERT of 50,000 rows: rows a second", figures: of("one INSERT of 50,000") },
    {
      name: "wake",
      title: "Wake-up: milliseconds, less is better",
      figures: of("from INSERT to the call", "the same: 99th")
    },
    {
      name: "drain",
      title: "A backlog of 30,000: jobs a second",
      figures: of("30,000 pending").flatMap((figure) => [figure, ...variants(figure)])
    },
    {
      name: "growth",
      title: "A backlog of 10,000 beside rows that are done: jobs a second",
      figures: of("drain of 10,000").flatMap(variants)
    }
  ]
  return groups.flatMap(({ figures, name, title }) =>
    figures.length === 0 ? [] : [{ name, title, svg: bars(title, figures) }]
  )
}
