/** The admin API in a test: its handlers on a real database, and a client that goes through all of HTTP but the socket. */
import { Effect, Layer } from "effect"
import { HttpClientRequest, HttpServer } from "effect/http"
import { HttpApiMiddleware, HttpApiTest } from "effect/http-api"
import { Health } from "../../src/actors/Health.ts"
import { Audit } from "../../src/database/Audit.ts"
import { Backlog } from "../../src/database/Backlog.ts"
import { Entities } from "../../src/database/Entities.ts"
import * as KnownBranches from "../../src/database/KnownBranches.ts"
import { Pauses } from "../../src/database/Pauses.ts"
import { Processes } from "../../src/database/Processes.ts"
import { Questions } from "../../src/database/Questions.ts"
import { RowActions } from "../../src/database/RowActions.ts"
import { Rows } from "../../src/database/Rows.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { Standing } from "../../src/domain/Standing.ts"
import { actions } from "../../src/http/actions.ts"
import { AdminAccess, Operator, WebhookAccess } from "../../src/http/api/Access.ts"
import { Api } from "../../src/http/api/Api.ts"
import { branches } from "../../src/http/branches.ts"
import { entities } from "../../src/http/entities.ts"
import { glance } from "../../src/http/glance.ts"
import { Overviews } from "../../src/http/Overviews.ts"
import { rows } from "../../src/http/rows.ts"

/** Who acts in tests. */
export const operator = { name: "Нина Ли", address: "192.0.2.7" }

/** A branch that has a token and is in no table. */
export const withToken = Branch.make("rustavi")

export const standing: Standing = {
  quota_left: 12,
  quota_most: 15,
  reads_per_minute: 60,
  quota_paused_until: null,
  breaker: "closed",
  token: "ok",
  user_token: null
}

/** Nobody works for kutaisi. */
const processes = Layer.succeed(Processes, {
  say: () => Effect.void,
  all: Effect.succeed([]),
  standings: Effect.succeed(
    new Map(
      ["tbilisi", "batumi", "service-center", withToken].map((branch) => [Branch.make(branch), standing])
    )
  )
})

/** A person holds kutaisi. */
const questions = Layer.succeed(Questions, {
  take: Effect.succeed([]),
  answer: () => Effect.void,
  ask: (branch, { entityId }) =>
    Effect.succeed(
      branch === "kutaisi"
        ? { has: null, reason: "the branch is paused" }
        : { has: entityId === "1", reason: null }
    )
})

const access = Layer.mergeAll(
  Layer.succeed(
    AdminAccess,
    AdminAccess.of({ bearer: (handler) => Effect.provideService(handler, Operator, operator) })
  ),
  Layer.succeed(WebhookAccess, WebhookAccess.of({ bearer: (handler) => handler })),
  HttpApiMiddleware.layerProblemDetails({ includeDetails: true }),
  HttpApiMiddleware.layerClient(AdminAccess, ({ next, request }) =>
    next(HttpClientRequest.bearerToken(request, "token"))
  )
)

/** The handlers, over the database that is provided. */
export const admin = Layer.mergeAll(rows, glance, branches, entities, actions).pipe(
  Layer.provideMerge(Layer.mergeAll(Overviews.layer, RowActions.layer, Pauses.layer)),
  Layer.provideMerge(KnownBranches.layer([withToken])),
  Layer.provideMerge(Layer.mergeAll(Audit.layer, Backlog.layer({ tokens: [withToken], logs: [withToken] }))),
  Layer.provideMerge(Layer.mergeAll(Rows.layer, Entities.layer, Health.layer, questions, processes)),
  Layer.provideMerge(Layer.mergeAll(access, HttpServer.layerServices))
)

export const client = HttpApiTest.groups(Api, ["rows", "glance", "branches", "entities", "actions"])
