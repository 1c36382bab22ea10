/** What of the service is well and what is not, as each part says it of itself. */
import { Context, DateTime, Effect, Layer } from "effect"
import type { Component } from "../domain/Component.ts"

/**
 * The parts without which the service is not ready. Every other one is retried by itself and costs time alone: a sweep, the
 * reading of a log, or one branch that fails must not have the others' webhooks sent elsewhere.
 */
export const required = ["database", "migrations", "event listener", "history listener"] as const

const isRequired = (name: string): boolean => required.some((other) => other === name)

/** Longest `detail` that is told, in characters. */
const longestDetail = 300

export class Health extends Context.Service<
  Health,
  {
    /** A part is in this state; `detail` says in one line what is wrong. `since` stays while the state does. */
    readonly report: (name: string, state: Component["state"], detail?: string) => Effect.Effect<void>
    /** A part has ended and is no longer told of; one that is required is down then. */
    readonly forget: (name: string) => Effect.Effect<void>
    /** All parts: the required ones, then the others by name. */
    readonly components: Effect.Effect<ReadonlyArray<Component>>
    /** Whether every required part is up. */
    readonly ready: Effect.Effect<boolean>
  }
>()("jarvis/actors/Health") {
  static readonly layer: Layer.Layer<Health> = Layer.effect(
    Health,
    Effect.gen(function* () {
      const parts = new Map<string, Component>()

      const report = (name: string, state: Component["state"], detail?: string) =>
        Effect.map(DateTime.now, (now) => {
          const before = parts.get(name)
          parts.set(name, {
            name,
            state,
            since: before?.state === state ? before.since : now,
            detail: detail?.replaceAll(/\s+/g, " ").trim().slice(0, longestDetail) ?? null
          })
        })
      for (const name of required) yield* report(name, "starting")

      const components = Effect.sync(() => {
        const all = Array.from(parts.values())
        const others = all.filter(({ name }) => !isRequired(name))
        return [
          ...all.filter(({ name }) => isRequired(name)),
          ...others.sort((one, other) => (one.name < other.name ? -1 : 1))
        ]
      })

      return Health.of({
        report,
        forget: (name) =>
          isRequired(name)
            ? report(name, "down", "it has ended")
            : Effect.sync(() => {
                parts.delete(name)
              }),
        components,
        ready: Effect.map(components, (all) =>
          all.every(({ name, state }) => state === "up" || !isRequired(name))
        )
      })
    })
  )
}
