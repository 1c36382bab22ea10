import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { WebhookAccess } from "./Access.ts"
import { ContentTooLarge, Unavailable } from "./Problems.ts"

/** As RentProg posts it. Whatever else is JSON is stored as well, parked with its reason. */
const Webhook = Schema.Struct({
  event: Schema.optionalKey(Schema.String).annotate({ description: "`car_update`, in any spelling" }),
  type: Schema.optionalKey(Schema.String).annotate({ description: "the same, where there is no `event`" }),
  name: Schema.optionalKey(Schema.String).annotate({ description: "the same, where there is neither" }),
  payload: Schema.optionalKey(Schema.Unknown).annotate({
    description: "an object, a JSON text, or the text of a Ruby hash"
  })
}).annotate({ identifier: "Webhook" })

/** An entry as RentProg's log has it. */
const LogEntry = Schema.Struct({
  id: Schema.optionalKey(Schema.Unknown),
  branch: Schema.optionalKey(Schema.Unknown),
  company_id: Schema.optionalKey(Schema.Unknown),
  operation_type: Schema.optionalKey(Schema.Unknown),
  description: Schema.optionalKey(Schema.Unknown),
  entity_type: Schema.optionalKey(Schema.Unknown),
  entity_id: Schema.optionalKey(Schema.Unknown),
  user_name: Schema.optionalKey(Schema.Unknown),
  created_at: Schema.optionalKey(Schema.Unknown)
}).annotate({ identifier: "LogEntry" })

/** The rows are committed. */
const Received = Schema.Struct({
  receipts: Schema.Array(Schema.String).annotate({ description: "the column `receipt` of each row" })
}).annotate({ identifier: "Received" })

const token = { token: Schema.String }
const event = {
  query: {
    // Of several the first one counts: no webhook is turned away for its address.
    branch: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])).annotate({
      description: "the branch of records whose company the payload does not name"
    })
  },
  payload: [Webhook, Webhook.annotate({ identifier: "WebhookForm" }).pipe(HttpApiSchema.asFormUrlEncoded())],
  success: Received,
  error: [ContentTooLarge, Unavailable]
}
const entries = {
  /** The branch of entries that name none. */
  query: { branch: Schema.optionalKey(Schema.String) },
  payload: Schema.Union([LogEntry, Schema.Array(LogEntry)]),
  success: Received,
  error: [ContentTooLarge, Unavailable]
}

/** Where RentProg posts. An answer of 200 says that the rows are committed. */
export class Webhooks extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("event", "/rentprog", event).annotate(OpenApi.Summary, "Take in a webhook"),
    HttpApiEndpoint.post("eventWithToken", "/rentprog/:token", { ...event, params: token }).annotate(
      OpenApi.Summary,
      "Take in a webhook, with the token in the address"
    ),
    HttpApiEndpoint.post("eventOfBranch", "/rentprog/:token/:branch", {
      ...event,
      query: {},
      params: { ...token, branch: Schema.String }
    }).annotate(OpenApi.Summary, "Take in a webhook, with the token and the branch in the address"),
    HttpApiEndpoint.post("history", "/history", entries).annotate(
      OpenApi.Summary,
      "Take in entries of the operations log"
    ),
    HttpApiEndpoint.post("historyWithToken", "/history/:token", { ...entries, params: token }).annotate(
      OpenApi.Summary,
      "Take in entries of the operations log, with the token in the address"
    )
  )
  .middleware(WebhookAccess)
  .prefix("/webhooks")
  .annotate(OpenApi.Description, "Where RentProg posts. What cannot be understood is stored all the same.") {}
