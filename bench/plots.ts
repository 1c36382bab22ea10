/** The figures as plots, for light and dark pages alike: they bring their own white ground. */
import { init, type SeriesOption } from "echarts"
import { contestants, type Figure, type Results } from "./Results.ts"
import { median } from "./statistics.ts"
import { shown } from "./table.ts"

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

/** Bars of every contestant for each figure, medians, with a line from the least to the most. */
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

/** A plot for each group of figures that can be compared: of one unit. */
export const plots = ({ parts }: Results): Readonly<Record<string, string>> => {
  const figures = Object.values(parts).flatMap((part) => part.figures)
  const against = figures.filter(
    ({ rounds }) => Object.keys(rounds).length > 1 && rounds["Jarvis"] !== undefined
  )
  const of = (...names: ReadonlyArray<string>) =>
    against.filter(({ what }) => names.some((name) => what.includes(name)))
  return Object.fromEntries(
    [
      ["insert", "Single-row INSERT: rows a second", of("single-row INSERT")] as const,
      ["bulk", "One INSERT of 50,000 rows: rows a second", of("one INSERT of 50,000")] as const,
      [
        "wake",
        "Wake-up: milliseconds, less is better",
        of("from INSERT to the call", "the same: 99th")
      ] as const,
      ["drain", "Backlog of 30,000: jobs a second", of("30,000 pending jobs")] as const
    ].flatMap(([name, title, some]) => (some.length === 0 ? [] : [[name, bars(title, some)]]))
  )
}
