import type { Overview } from "../../http/api/Overview.ts"
import { format, t } from "../i18n/index.ts"
import { Chart } from "./Chart.tsx"

/** Throughput and latency of the last hour. */
export const Charts = ({ overview }: { readonly overview: Overview }) => {
  const whole = overview.minutes.filter(
    ({ at }) => at.epochMilliseconds + 60_000 <= overview.at.epochMilliseconds
  )
  // The minute that still runs would draw as a fall, but where it is all there is it says more than nothing.
  const drawn = whole.some(({ processed, received }) => received + processed > 0) ? whole : overview.minutes
  const minutes = drawn.map(({ at }) => at.epochMilliseconds)
  const sum = (of: "received" | "processed") =>
    format.number(overview.minutes.reduce((total, minute) => total + minute[of], 0))
  const busiest = drawn.reduce<(typeof drawn)[number] | undefined>(
    (most, minute) => (minute.processed > (most?.processed ?? 0) ? minute : most),
    undefined
  )
  return (
    <div class="columns">
      <Chart
        title={t.overview.throughput}
        unit={t.overview.throughputUnit}
        summary={t.overview.throughputText(sum("received"), sum("processed"))}
        minutes={minutes}
        lines={[
          { label: t.overview.received, values: drawn.map(({ received }) => received), filled: true },
          { label: t.overview.processed, values: drawn.map(({ processed }) => processed) }
        ]}
        write={format.number}
      />
      <Chart
        title={t.overview.latency}
        unit={t.overview.latencyUnit}
        summary={
          typeof busiest?.median === "number" && typeof busiest.p99 === "number"
            ? t.overview.latencyText(format.latency(busiest.median), format.latency(busiest.p99))
            : t.overview.latencyNone
        }
        minutes={minutes}
        lines={[
          { label: t.overview.median, values: drawn.map(({ median }) => median), filled: true },
          { label: t.overview.p99, values: drawn.map(({ p99 }) => p99) }
        ]}
        write={format.latency}
      />
    </div>
  )
}
