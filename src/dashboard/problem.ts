/** What can stand in the way of an answer, as far as the page tells it apart. */
import type { Schema } from "effect"
import type { Sse } from "effect/encoding"
import type { HttpClientError } from "effect/http"
import type { HttpApiError } from "effect/http-api"
import type * as Problems from "../http/api/Problems.ts"

export type Problem =
  | { readonly kind: "unauthorized" | "not-found" | "conflict" | "too-many" | "network" }
  | { readonly kind: "unavailable"; readonly why: NonNullable<Problems.Unavailable["why"]> }
  | { readonly kind: "forbidden"; readonly detail: string | undefined }
  | { readonly kind: "unexpected"; readonly detail: string; readonly passing: boolean }

export type Failure =
  | Problems.Unauthorized
  | Problems.Forbidden
  | Problems.NotFound
  | Problems.Conflict
  | Problems.TooManyRequests
  | Problems.Unavailable
  | HttpApiError.BadRequestProblem
  | HttpApiError.InternalServerErrorProblem
  | HttpClientError.HttpClientError
  | Schema.SchemaError
  | Sse.SseError
  | Sse.Retry

const ofTransport = (error: HttpClientError.HttpClientError): Problem => {
  const status = error.response?.status
  // No answer, or one that was broken off.
  if (status === undefined || status < 300) return { kind: "network" }
  // A proxy in between speaks for itself, not in problem details.
  return { kind: "unexpected", detail: `HTTP ${status}`, passing: status >= 500 }
}

export const problemOf = (failure: Failure): Problem => {
  switch (failure._tag) {
    case "Unauthorized":
      return { kind: "unauthorized" }
    case "Forbidden":
      return { kind: "forbidden", detail: failure.detail }
    case "NotFound":
      return { kind: "not-found" }
    case "Conflict":
      return { kind: "conflict" }
    case "TooManyRequests":
      return { kind: "too-many" }
    case "Unavailable":
      return { kind: "unavailable", why: failure.why ?? "away" }
    case "HttpClientError":
      return ofTransport(failure)
    case "Retry":
      return { kind: "network" }
    case "InternalServerErrorProblem":
      return { kind: "unexpected", detail: failure.message, passing: true }
    case "BadRequestProblem":
    case "SchemaError":
    case "SseError":
      return { kind: "unexpected", detail: failure.message, passing: false }
  }
}

/** What passes by itself is asked again; the rest waits for a person. */
export const isPassing = (problem: Problem): boolean =>
  problem.kind === "too-many" ||
  (problem.kind === "unavailable" && (problem.why === "away" || problem.why === "locked")) ||
  problem.kind === "network" ||
  (problem.kind === "unexpected" && problem.passing)
