/** What a sender writes as a branch is told to nobody who asks without a token. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { insertEvents } from "../support/events.ts"
import { events, until } from "../support/tables.ts"
import { ask, post, server } from "./server.ts"

const name = "Иван Петров"
const phone = "+995 555 000 001"

layer(server({ RENTPROG_TOKENS: '{"rustavi": "a token"}' }), { excludeTestServices: true })(
  "branches that nobody knows",
  (it) => {
    it.effect("are one label in the metrics, and no part of the service's health", () =>
      Effect.gen(function* () {
        for (const time of [1, 2, 3]) {
          const entries = Array.from({ length: 900 }, (_, n) => ({
            branch: `${name} ${phone} ${time} ${n}`,
            description: `Иван Петров изменил , mileage с 1 на 2 в авто № ${n}`
          }))
          assert.strictEqual((yield* post("/webhooks/history", JSON.stringify(entries))).status, 200)
        }
        yield* insertEvents(
          ["rustavi", "tbilisi", ...Array.from({ length: 30 }, (_, n) => `${name} ${phone} ${n}`)].map(
            (branch, n) => ({ branch, type: "car_update", ext_id: String(n), payload: { id: n } })
          )
        )
        const rows = yield* until(events, (rows) => rows.every(({ attempts }) => attempts > 0))
        for (const { branch, reason } of rows) {
          if (branch === "rustavi") continue
          assert.strictEqual(
            reason?.slice(0, 40),
            `rentprog_unauthorized: no token for branch ${branch}`.slice(0, 40)
          )
        }

        const metrics = yield* until(ask("/metrics"), ({ text }) =>
          /jarvis_history_total\{branch="other".*\} 2700/.test(text)
        )
        assert.isBelow(metrics.text.length, 40_000)
        const branches = new Set(
          Array.from(metrics.text.matchAll(/branch="([^"]*)"/g), ([, branch]) => branch)
        )
        assert.deepStrictEqual(branches, new Set(["rustavi", "tbilisi", "other"]))
        assert.match(
          metrics.text,
          /jarvis_events_total\{branch="other",type="car_update",outcome="rentprog_unauthorized"\} 30\n/
        )

        // Of the records that those entries name nobody is asked.
        assert.lengthOf(yield* events, 32)

        const health = yield* ask("/health/ready")
        for (const text of [metrics.text, health.text]) {
          for (const told of [name, phone]) assert.notInclude(text, told)
        }
        assert.include(health.text, "branch tbilisi")

        // The page tells of some: who writes many fills no page.
        const { text } = yield* ask("/api/branches")
        assert.lengthOf(Array.from(text.matchAll(/Петров/g)), 20)
      })
    )
  }
)
