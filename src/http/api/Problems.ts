/** What a request can be answered instead of what it asked for: RFC 9457 problem details, told apart by status. */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

const blank = "about:blank"

/** No token, or not the right one. */
export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: blank,
  status: 401,
  title: "Unauthorized"
}) {}

/** No token is set, and the request does not come from this machine. */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: blank,
  status: 403,
  title: "Forbidden"
}) {}

/** What was asked for is not there. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: blank,
  status: 404,
  title: "Not Found"
}) {}

/** What was asked for was possible once, and no longer is. */
export class Conflict extends HttpApiError.Problem<Conflict>()("Conflict", {
  type: blank,
  status: 409,
  title: "Conflict"
}) {}

/** The body is larger than it may be. */
export class ContentTooLarge extends HttpApiError.Problem<ContentTooLarge>()("ContentTooLarge", {
  type: blank,
  status: 413,
  title: "Content Too Large"
}) {}

/** Too many requests of this address had a wrong token. `Retry-After` says when to come again. */
export class TooManyRequests extends HttpApiError.Problem<TooManyRequests>()("TooManyRequests", {
  type: blank,
  status: 429,
  title: "Too Many Requests"
}) {}

/** The database gave no answer. `Retry-After` says when to come again. */
export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  {
    type: blank,
    status: 503,
    title: "Service Unavailable"
  },
  {
    /** It cannot be reached, a row is held by another session, the search takes too long, or it says no. */
    why: Schema.optionalKey(Schema.Literals(["away", "locked", "too slow", "refused"]))
  }
) {}
