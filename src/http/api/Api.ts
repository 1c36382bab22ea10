/**
 * The contract of Jarvis over HTTP, apart from its server: the server implements it, the dashboard's client is made from
 * it, and so is `/openapi.json`.
 */
import { HttpApi, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { Actions } from "./Actions.ts"
import { Branches } from "./Branches.ts"
import { Entities } from "./Entities.ts"
import { Health } from "./Health.ts"
import { Glance } from "./Overview.ts"
import { Rows } from "./Rows.ts"
import { Webhooks } from "./Webhooks.ts"

export class Api extends HttpApi.make("jarvis")
  .add(Webhooks, Health, Glance, Branches, Entities, Actions, Rows)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotateMerge(
    OpenApi.annotations({
      title: "Jarvis",
      version: "0.1.0",
      description:
        "Takes RentProg's webhooks in, shows what became of them, and lets a person act. Problems are answered as RFC 9457 problem details."
    })
  ) {}
