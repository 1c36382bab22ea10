import { assert, describe, it } from "@effect/vitest"
import type { Figure } from "../../bench/Results.ts"
import { isMet, median, quantile, target } from "../../bench/statistics.ts"
import { report, table } from "../../bench/table.ts"

const rate: Figure = {
  what: "drain",
  unit: "jobs/s",
  better: "more",
  rounds: {
    Jarvis: [2100, 1900, 2000],
    "graphile-worker": [900],
    "pg-boss": [1000, 800],
    "pg-boss: in batches": [5000]
  },
  goal: { is: "at least", value: 2, times: ["graphile-worker", "pg-boss"] }
}

describe("the benchmark's figures", () => {
  it("have a median and quantiles between two values", () => {
    assert.strictEqual(median([3, 1, 2]), 2)
    assert.strictEqual(median([4, 1, 2, 3]), 2.5)
    assert.strictEqual(quantile([7], 0.99), 7)
    assert.strictEqual(quantile([0, 10, 20, 30, 40], 0.9), 36)
  })

  it("are held against the best of those that a goal names", () => {
    assert.strictEqual(
      target(rate, { is: "at least", value: 2, times: ["graphile-worker", "pg-boss"] }),
      1800
    )
    assert.isTrue(isMet(rate))
    assert.isFalse(isMet({ ...rate, goal: { is: "at least", value: 3, times: ["graphile-worker"] } }))
  })

  it("meet a goal that is a number, by which more or less is better", () => {
    const wait: Figure = { what: "wake-up", unit: "ms", better: "less", rounds: { Jarvis: [2, 3, 9] } }
    assert.isUndefined(isMet(wait))
    assert.isTrue(isMet({ ...wait, goal: { is: "at most", value: 3 } }))
    assert.isFalse(isMet({ ...wait, goal: { is: "at most", value: 2.9 } }))
  })

  it("are lines of a table, one for each variant", () => {
    const [header, , ...lines] = table([rate])
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()))
    assert.deepStrictEqual(header, [
      ...["", "", "bare table", "Jarvis", "graphile-worker", "pg-boss", "goal of Jarvis", "", ""]
    ])
    assert.deepStrictEqual(lines, [
      [
        ...["", "drain, jobs/s", "–", "2,000 (1,900–2,100)", "900", "900 (800–1,000)"],
        ...["≥ 2 × the better of graphile-worker and pg-boss = 1,800", "✓ 2.22 ×", ""]
      ],
      ["", "… in batches", "–", "–", "–", "5,000", "", "", ""]
    ])
  })

  it("say of which commit they are, and which are those of a try", () => {
    const part = { title: "", at: "", seconds: 1, figures: [], share: 1, commit: "one" }
    const parts = {
      drain: part,
      wake: { ...part, commit: "two" },
      bulk: part,
      parse: { ...part, share: 0.1 }
    }
    const [said] = report({ machine: {}, versions: {}, postgres: {}, parts }).split("\n")
    assert.strictEqual(said, "Commit: one (drain, bulk); two (wake); one, a share of 0.1 (parse).")
  })
})
