import { assert, it } from "@effect/vitest"
import { DateTime } from "effect"
import type { Component } from "../../src/domain/Component.ts"
import { elsewhere, type Process, together } from "../../src/domain/Process.ts"

const at = DateTime.makeUnsafe("2026-03-01T12:00:00Z")

const part = (name: string, detail: string | null = null): Component => ({
  ...{ name, state: detail === null || detail === elsewhere ? "up" : "down", since: at, detail }
})

const process = (id: number, components: ReadonlyArray<Component>, present = true): Process => ({
  ...{ id, host: "host", pid: id, role: "sharing", address: null, branches: [], listens: false },
  ...{ started_at: at, seen_at: at, present, self: id === 1, components }
})

it("parts are told once: as the process that answers says it, and as others do of what runs there alone", () => {
  const own = [part("database"), part("event listener", elsewhere), part("branch tbilisi")]
  const others = [
    process(1, [part("database"), part("old news of this process", "x")]),
    process(2, [part("event listener", elsewhere), part("database", "away"), part("log batumi", "refused")]),
    process(3, [part("event listener", "it has ended"), part("branch batumi")]),
    process(4, [part("branch kutaisi")], false)
  ]
  assert.deepStrictEqual(together(own, others), [
    part("database"),
    part("event listener", "it has ended"),
    part("branch tbilisi"),
    part("log batumi", "refused"),
    part("branch batumi")
  ])
  assert.deepStrictEqual(together(own, []), own)
})
