/**
 * What RentProg posts becomes a row, whatever it is: the trigger reads it, and parks what nobody can read. The answer
 * comes once the row is committed.
 */
import { Effect, Option, Predicate, Result, Schema } from "effect"
import { type HttpServerError, type HttpServerRequest, HttpTraceContext, UrlParams } from "effect/http"
import { HttpApiBuilder, HttpApiError } from "effect/http-api"
import { Inbox, type IncomingEntry, type IncomingEvent } from "../database/Inbox.ts"
import { storable, storableText } from "../database/storable.ts"
import { readMoment } from "../domain/Moment.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { flat } from "../rentprog/flat.ts"
import { exactly } from "../rentprog/Json.ts"
import { entryFields } from "../rentprog/Log.ts"
import { textColumn } from "../rentprog/Records.ts"
import { Api } from "./api/Api.ts"
import { ContentTooLarge, Unavailable } from "./api/Problems.ts"
import { makeReceipts } from "./receipts.ts"

export const webhooks = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fnUntraced(function* (handlers) {
    const inbox = yield* Inbox
    const receipts = makeReceipts()

    const event = Effect.fn("webhook")(function* (
      request: HttpServerRequest.HttpServerRequest,
      branch: string | ReadonlyArray<string> | undefined
    ) {
      const { body, form } = yield* read(request)
      const { traceId, traceparent } = yield* trace
      const row: IncomingEvent = {
        receipt: crypto.randomUUID(),
        traceId,
        body,
        metadata: { source: "webhook", sent_as: form ? "form" : "json", traceparent, ...named(branch) }
      }
      yield* Effect.catch(inbox.receiveEvent(row), away)
      return { receipts: [row.receipt] }
    })

    const history = Effect.fn("webhook.history")(function* (
      request: HttpServerRequest.HttpServerRequest,
      branch: string | null
    ) {
      const { body } = yield* read(request)
      const { traceId } = yield* trace
      const sent = readEntries(body, branch)
      if (sent.length > mostEntries) {
        return yield* new ContentTooLarge({
          detail: `${sent.length} entries are more than ${mostEntries} at a time.`
        })
      }
      const entries = sent.map((entry): IncomingEntry => ({ ...entry, receipt: receipts.of(entry), traceId }))
      yield* inbox.receiveEntries(entries).pipe(
        Effect.onError(() => Effect.sync(() => receipts.keep(entries))),
        Effect.catch(away)
      )
      return { receipts: entries.map(({ receipt }) => receipt) }
    })

    return handlers
      .handleRaw("event", ({ query, request }) => event(request, query.branch))
      .handleRaw("eventWithToken", ({ query, request }) => event(request, query.branch))
      .handleRaw("eventOfBranch", ({ params, request }) => event(request, params.branch))
      .handleRaw("history", ({ query, request }) =>
        history(request, storableText(query.branch ?? "") || null)
      )
      .handleRaw("historyWithToken", ({ query, request }) =>
        history(request, storableText(query.branch ?? "") || null)
      )
  })
)

/** What an address says of the branch. What can be none is left out: the row is stored all the same. */
const named = (branch: string | ReadonlyArray<string> = ""): { readonly branch?: string } => {
  const code = storableText([branch].flat()[0] ?? "").trim()
  return /^[^|]{1,100}$/u.test(code) ? { branch: code } : {}
}

/** Of the operations log, in one request. */
const mostEntries = 1000

/** 256 kB. */
export const largestBody = 256 * 1024

const away = ({ detail }: DatabaseError) =>
  Effect.andThen(
    Effect.logWarning(`a webhook was turned away, its sender has to come again: ${detail}`),
    Effect.fail(
      new Unavailable({
        detail: "The database did not confirm the row: send it again after Retry-After seconds."
      })
    )
  )

const unreadable = (error: HttpServerError.HttpServerError) =>
  error.reason._tag === "RequestParseError" && error.reason.reason === "BodyTooLarge"
    ? new ContentTooLarge({ detail: `The body is larger than ${largestBody} bytes.` })
    : new HttpApiError.BadRequestProblem({ detail: "The body could not be read." })

const parseJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** The body as JSON. PostgreSQL reads it itself: JavaScript would round numbers of more than 15 digits. */
const read = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const bytes = yield* Effect.mapError(request.arrayBuffer, unreadable)
  const text = yield* Effect.mapError(
    Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
    () => new HttpApiError.BadRequestProblem({ detail: "The body is not UTF-8." })
  )
  const isJson = yield* Effect.isSuccess(parseJson(text))
  // Not a matter of its type alone: curl calls whatever it sends a form.
  if (isJson) return { body: clean(text), form: false }
  if (/^application\/x-www-form-urlencoded/i.test(request.headers["content-type"] ?? "") && text !== "") {
    const form = UrlParams.toRecord(yield* Effect.mapError(request.urlParamsBody, unreadable))
    return { body: JSON.stringify(storable(form)), form: true }
  }
  return yield* new HttpApiError.BadRequestProblem({
    detail: text === "" ? "The body is empty." : "The body is not JSON."
  })
})

/** What jsonb cannot hold, NUL and half characters, is left out. */
const clean = (json: string): string =>
  /\\u(0000|d[89a-f])/i.test(json)
    ? Result.getOrElse(
        Result.try(() => JSON.stringify(storable(JSON.parse(exactly(json))))),
        () => json
      )
    : json

/** Under which trace the row arrived, and what its processing goes on from. */
const trace = Effect.map(Effect.orDie(Effect.currentSpan), (span) => ({
  traceId: span.traceId,
  traceparent: HttpTraceContext.toHeaders(span)["traceparent"] ?? ""
}))

const Entry = Schema.Struct({
  ...{ id: textColumn, branch: textColumn, company_id: textColumn },
  ...entryFields
})
const decodeEntry = Schema.decodeUnknownOption(Entry)

interface Sent extends Omit<IncomingEntry, "receipt" | "traceId"> {}

/** A text alone is taken for the sentence. */
const readEntry = (sent: unknown, branch: string | null): Sent => {
  const entry = storable(sent)
  const plain = Predicate.isString(entry)
    ? { description: entry }
    : Predicate.isObject(entry)
      ? flat(entry)
      : {}
  const read = Option.getOrUndefined(decodeEntry(plain))
  const companyId = read?.company_id ?? ""
  return {
    branch: read?.branch ?? branch,
    companyId: /^\d{1,18}$/.test(companyId) ? companyId : null,
    operationType: read?.operation_type ?? null,
    operationId: read?.id ?? null,
    description: read?.description ?? null,
    entityType: read?.entity_type ?? null,
    entityId: read?.entity_id ?? null,
    userName: read?.user_name ?? null,
    createdAt: Option.getOrNull(readMoment(read?.created_at ?? "")),
    raw: JSON.stringify(entry)
  }
}

/** What is nested too deep to be walked through is kept as one text. */
const readEntries = (body: string, branch: string | null): ReadonlyArray<Sent> =>
  Result.getOrElse(
    Result.try(() => [JSON.parse(exactly(body))].flat().map((entry: unknown) => readEntry(entry, branch))),
    () => [readEntry({ raw: body }, branch)]
  )
