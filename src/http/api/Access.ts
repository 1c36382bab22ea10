/** Who may come in. The tokens are `JARVIS_ADMIN_TOKEN` and `JARVIS_WEBHOOK_TOKEN`. */
import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { Forbidden, TooManyRequests, Unauthorized } from "./Problems.ts"

/** Who acts: what the audit writes down. */
export class Operator extends Context.Service<
  Operator,
  {
    /** As the request's header `Jarvis-Operator` names them, else `operator`. */
    readonly name: string
    /** Where the request came from. */
    readonly address: string
  }
>()("jarvis/http/Operator") {}

/** Lets in who bears the admin token; where none is set, requests from this machine alone. */
export class AdminAccess extends HttpApiMiddleware.Service<
  AdminAccess,
  { provides: Operator; requires: never }
>()("jarvis/http/AdminAccess", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden, TooManyRequests]
}) {}

/**
 * Lets in who has the webhook token, in the path or as bearer; where none is set, requests from this machine alone. A
 * sender with the token is never turned away for its rate.
 */
export class WebhookAccess extends HttpApiMiddleware.Service<WebhookAccess>()("jarvis/http/WebhookAccess", {
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden, TooManyRequests]
}) {}
