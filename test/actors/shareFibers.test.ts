import { assert, describe, it } from "@effect/vitest"
import { shareFibers } from "../../src/actors/shareFibers.ts"

type Fibers = ReturnType<ReturnType<typeof shareFibers>>

/** Takes as many as are free, and answers how many. */
const takeAll = ({ count, free }: Fibers): number => {
  const some = free()
  for (let n = 0; n < some; n += 1) count(1)
  return some
}

describe("the fibers of a process", () => {
  it("a branch that is alone has 500, those that come later what is left, and each 100 at least", () => {
    const ofBranch = shareFibers()
    const branches = [ofBranch(), ofBranch(), ofBranch()] as const
    assert.deepStrictEqual(branches.map(takeAll), [500, 100, 100])
    assert.deepStrictEqual(
      branches.map(({ free }) => free()),
      [0, 0, 0]
    )
  })

  it("what one gives back another has", () => {
    const ofBranch = shareFibers()
    const [first, second] = [ofBranch(), ofBranch()]
    takeAll(first)
    takeAll(second)
    for (let n = 0; n < 300; n += 1) first.count(-1)
    // The first may have 500 less what it has; the second 600 less what the first has.
    assert.deepStrictEqual([first.free(), second.free()], [300, 300])
  })

  it("is full while less than a quarter is free", () => {
    const fibers = shareFibers()()
    takeAll(fibers)
    for (let n = 0; n < 124; n += 1) fibers.count(-1)
    assert.isTrue(fibers.isFull())
    fibers.count(-1)
    assert.isFalse(fibers.isFull())
  })
})
