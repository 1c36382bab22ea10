/** What of the service is well and what is not, as each part says it of itself. */
import { Context, DateTime, Duration, Effect, Layer } from "effect"
import type { Component } from "../domain/Component.ts"

/** Without these nothing can be received, nor worked on. */
const vital = ["database", "migrations"]

/** The parts that have to come up until the service is ready. */
export const required = ["database", "migrations", "event listener", "history listener"] as const

const isRequired = (name: string): boolean => required.some((other) => other === name)

/** Whoever has been up for so long after a failure, in milliseconds, is well: the next failure is a first one again. */
export const well = Duration.toMillis("1 minute")

/** Longest `detail` that is told, in characters. */
const longestDetail = 300

const line = (detail: string): string => detail.replaceAll(/\s+/g, " ").trim().slice(0, longestDetail)

/** That a part failed, the last time. */
interface Failure {
  /** When the first one was of those that came one after the other. */
  readonly since: DateTime.Utc
  readonly detail: string
  /** It was not the first one. */
  readonly again: boolean
}

interface Part {
  /** As it was reported last. */
  readonly reported: Component
  readonly failure: Failure | undefined
}

const isWell = ({ since, state }: Component, now: DateTime.Utc): boolean =>
  state === "up" && DateTime.toEpochMillis(now) - DateTime.toEpochMillis(since) >= well

/** One that fails again and again does not look well in between. */
const asItIs = ({ failure, reported }: Part, now: DateTime.Utc): Component =>
  failure?.again && !isWell(reported, now)
    ? { ...reported, state: "down", since: failure.since, detail: reported.detail ?? failure.detail }
    : reported

export class Health extends Context.Service<
  Health,
  {
    /** A part is in this state; `detail` says in one line what is wrong. `since` stays while the state does. */
    readonly report: (name: string, state: Component["state"], detail?: string) => Effect.Effect<void>
    /**
     * A part has failed and starts again: it is down until it is reported up, and where it had failed shortly before, until
     * it has been up for a minute.
     */
    readonly failed: (name: string, detail: string) => Effect.Effect<void>
    /** A part has ended and is no longer told of; one that is required is down then. */
    readonly forget: (name: string) => Effect.Effect<void>
    /** All parts: the required ones, then the others by name. */
    readonly components: Effect.Effect<ReadonlyArray<Component>>
    /**
     * Whether something can be received and worked on: every required part has come up, and database and migrations still
     * are. Whatever else is down is retried by itself and costs time alone: a listener, for one, has its sweep, and must not
     * have webhooks sent elsewhere.
     */
    readonly ready: Effect.Effect<boolean>
  }
>()("jarvis/actors/Health") {
  static readonly layer: Layer.Layer<Health> = Layer.effect(
    Health,
    Effect.gen(function* () {
      const parts = new Map<string, Part>()

      const put = (
        name: string,
        now: DateTime.Utc,
        said: Pick<Component, "state" | "detail">,
        failure?: Failure
      ) => {
        const before = parts.get(name)?.reported
        const since = before?.state === said.state ? before.since : now
        parts.set(name, { reported: { name, since, ...said }, failure })
      }

      const report = (name: string, state: Component["state"], detail?: string) =>
        Effect.map(DateTime.now, (now) =>
          put(
            name,
            now,
            { state, detail: detail === undefined ? null : line(detail) },
            parts.get(name)?.failure
          )
        )

      const failed = (name: string, detail: string) =>
        Effect.map(DateTime.now, (now) => {
          const before = parts.get(name)
          const last = before === undefined || isWell(before.reported, now) ? undefined : before.failure
          const failure = { since: last?.since ?? now, detail: line(detail), again: last !== undefined }
          put(name, now, { state: "down", detail: failure.detail }, failure)
        })
      for (const name of required) yield* report(name, "starting")

      const components = Effect.map(DateTime.now, (now) => {
        const all = Array.from(parts.values(), (part) => asItIs(part, now))
        const others = all.filter(({ name }) => !isRequired(name))
        return [
          ...all.filter(({ name }) => isRequired(name)),
          ...others.sort((one, other) => (one.name < other.name ? -1 : 1))
        ]
      })

      return Health.of({
        report,
        failed,
        forget: (name) =>
          isRequired(name)
            ? report(name, "down", "it has ended")
            : Effect.sync(() => {
                parts.delete(name)
              }),
        components,
        ready: Effect.map(components, (all) =>
          all.every(({ name, state }) => (vital.includes(name) ? state === "up" : state !== "starting"))
        )
      })
    })
  )
}
