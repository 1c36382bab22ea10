import { useEffect, useRef, useState } from "preact/hooks"
import type UPlot from "uplot"
import { format, t } from "../i18n/index.ts"

export interface Line {
  readonly label: string
  readonly values: ReadonlyArray<number | null>
  readonly filled?: boolean
}

const height = 168

/** A colour as the style sheet has it, resolved for light or dark. */
const colourOf = (swatch: Element | null | undefined): string =>
  swatch ? getComputedStyle(swatch).backgroundColor : "currentColor"

const alone = (values: ArrayLike<number | null | undefined>): Array<number> =>
  Array.from(values, (_, index) => index).filter(
    (index) => values[index] != null && values[index - 1] == null && values[index + 1] == null
  )

const faded = (colour: string): string => `color-mix(in srgb, ${colour} 12%, transparent)`

const optionsOf = (
  root: HTMLElement,
  lines: ReadonlyArray<Line>,
  write: (value: number) => string,
  onPoint: (index: number | null) => void
): UPlot.Options => {
  const style = getComputedStyle(root)
  const ink = colourOf(root.querySelector(".swatch-ink"))
  const grid = colourOf(root.querySelector(".swatch-grid"))
  const font = `11px ${style.fontFamily}`
  const axis = { stroke: ink, font, ticks: { show: false } }
  const series = lines.map(({ filled, label }, index): UPlot.Series => {
    const stroke = colourOf(root.querySelector(`.swatch-${index + 1}`))
    return {
      label,
      stroke,
      width: 1.75,
      // A minute between two without any has no line to stand on.
      points: { show: true, size: 4, fill: stroke, filter: (chart, index) => alone(chart.data[index] ?? []) },
      spanGaps: false,
      ...(filled ? { fill: faded(stroke) } : {})
    }
  })
  return {
    width: root.clientWidth,
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 70,
        values: (_, ticks) => ticks.map((seconds) => format.minute(seconds * 1000))
      },
      {
        ...axis,
        grid: { stroke: grid, width: 1 },
        size: 58,
        space: 40,
        values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? write(tick) : ""))
      }
    ],
    series: [{}, ...series],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] }
  }
}

/** Lines over the minutes of an hour. What they show is said in words as well, and minute by minute in a table. */
export const Chart = ({
  title,
  unit,
  summary,
  minutes,
  lines,
  write
}: {
  readonly title: string
  readonly unit: string
  readonly summary: string
  /** Milliseconds since 1970, one for each value. */
  readonly minutes: ReadonlyArray<number>
  readonly lines: ReadonlyArray<Line>
  readonly write: (value: number) => string
}) => {
  const root = useRef<HTMLElement>(null)
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<UPlot>(undefined)
  const [point, setPoint] = useState<number | null>(null)
  const [open, setOpen] = useState(false)

  const data: UPlot.AlignedData = [
    minutes.map((millis) => millis / 1000),
    ...lines.map(({ values }) => [...values])
  ]
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    let gone = false
    let resized: ResizeObserver | undefined
    const dark = matchMedia("(prefers-color-scheme: dark)")
    let draw = (): void => {}
    // The library comes by itself, after the words and numbers of the page, which say the same where it does not come.
    void import("uplot").then(
      ({ default: uplot }) => {
        const [host, figure] = [place.current, root.current]
        if (gone || host === null || figure === null) return
        draw = () => {
          chart.current?.destroy()
          chart.current = new uplot(optionsOf(figure, lines, write, setPoint), latest.current, host)
          chart.current.setSize({ width: host.clientWidth, height })
        }
        draw()
        dark.addEventListener("change", draw)
        resized = new ResizeObserver(() => chart.current?.setSize({ width: host.clientWidth, height }))
        resized.observe(host)
      },
      () => undefined
    )
    return () => {
      gone = true
      dark.removeEventListener("change", draw)
      resized?.disconnect()
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [])

  useEffect(() => chart.current?.setData(latest.current), [JSON.stringify(data)])

  const shown = point === null ? minutes.length - 1 : point
  const at = minutes[shown]
  return (
    <figure class="panel chart" ref={root}>
      <figcaption>
        <h2>
          {title} <small>{unit}</small>
        </h2>
        <p class="legend" aria-hidden="true">
          {lines.map(({ label, values }, index) => (
            <span key={label}>
              <i class={`swatch swatch-${index + 1}`} />
              {label} <b>{typeof values[shown] === "number" ? write(values[shown]) : "–"}</b>
            </span>
          ))}
          <span class="legend-at">{at === undefined ? "" : format.minute(at)}</span>
          <i class="swatch-ink" />
          <i class="swatch-grid" />
        </p>
      </figcaption>
      <div class="plot" ref={place} aria-hidden="true" />
      <p class="chart-summary">{summary}</p>
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{t.overview.table}</summary>
        {open && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be within reach of the keyboard
          <section class="scroll" tabIndex={0} aria-label={title}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t.overview.minute}</th>
                  {lines.map(({ label }) => (
                    <th scope="col" class="number" key={label}>
                      {label}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {minutes.map((millis, index) => (
                  <tr key={millis}>
                    <th scope="row">{format.minute(millis)}</th>
                    {lines.map(({ label, values }) => (
                      <td class="number" key={label}>
                        {typeof values[index] === "number" ? write(values[index]) : "–"}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </details>
    </figure>
  )
}
