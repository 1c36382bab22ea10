/** The trigger's short way for plain rows comes to what the functions say that it leaves aside. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { eventTypes } from "../../src/domain/Event.ts"
import { inspect, spellings } from "../../src/simulator/Webhook.ts"
import { run } from "../support/refusing.ts"
import { notifiedBy } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const oneOf = <const A extends ReadonlyArray<string | number>>(...values: A) =>
  Arbitrary.schema(Schema.Literals(values))

const orNull = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
  Arbitrary.all([oneOf(0, 0, 1), arbitrary]).pipe(
    Arbitrary.map(([given, value]) => (given === 1 ? value : null))
  )

const anyJson = Arbitrary.schema(Schema.Json)
/** Ids of all kinds, written into the payload as they stand here, and in the same kinds of trouble. */
const ids = [
  ...[
    "1",
    '"1"',
    '" 2 "',
    '"2\\n"',
    '""',
    '"   "',
    "null",
    "0",
    "-1",
    "1.0",
    "1.50",
    "1e3",
    "1e120",
    "0e-200"
  ],
  ...['"AB-12_c"', '"1|2"', '"٣"', '"１"', '"007"', '"Ж"', `"${"9".repeat(64)}"`, `"${"9".repeat(65)}"`],
  ...["true", "[]", "[null]", "[1, 2]", '["1", "3"]', "[[1]]", "{}", '{"a": 1}', '[{"a": [1]}]'],
  ...[
    "9247",
    '"9247"',
    "9248.0",
    "[9247, 9506]",
    "4",
    '"009110"',
    '"１１"',
    "123456789012345678",
    "1234567890123456789"
  ]
] as const
const fields = ["id", "company_id", "car_id", "client_id", "booking_id", "mileage", "note", "", "1"] as const
const object = Arbitrary.array(Arbitrary.all([oneOf(...fields), oneOf(...ids)]), { maxLength: 6 }).pipe(
  Arbitrary.map((pairs) => `{${[...new Map(pairs)].map(([key, value]) => `"${key}": ${value}`).join()}}`)
)
/** More arrays than the trigger replaces one by one. */
const arrays = Array.from({ length: 11 }, (_, n) => `"changed_${n}": [${n}, [${n}]]`).join()
const payload = Arbitrary.all([
  oneOf("object", "object", "object", "object", "wide", "text", "ruby", "other"),
  object,
  anyJson
]).pipe(
  Arbitrary.map(([form, said, other]) => {
    if (form === "object") return said
    if (form === "wide") return `{${[arrays, said.slice(1, -1)].filter((part) => part !== "").join()}}`
    if (form === "text") return JSON.stringify(said)
    if (form === "ruby") return JSON.stringify(inspect(JSON.parse(said)))
    return JSON.stringify(other)
      .replaceAll("\\u0000", "")
      .replaceAll(/\\ud[89a-f]../g, "")
  })
)
const texts = [
  ...[" ", "", "1", " 1 ", "12", "AB-12_c", "1|2", "1\n", "Ж"],
  ...["9".repeat(64), "9".repeat(65), "х".repeat(100), "х".repeat(101)]
]
const types = [...eventTypes, ...eventTypes.flatMap(spellings)]
const row = Arbitrary.all([
  oneOf(...types, ...types, ...types, "", " car_update", "car_update\u00a0", "CAR-UPDATE", "garage_update"),
  orNull(oneOf(...texts)),
  orNull(oneOf("tbilisi", " batumi ", "a|b", ...texts)),
  orNull(oneOf(9247, 4, 9110)),
  payload,
  oneOf(
    "null",
    "{}",
    '{"branch": "kutaisi"}',
    '{"branch": "nowhere"}',
    '{"branch": ["kutaisi"]}',
    '["branch"]'
  )
]).pipe(
  Arbitrary.map(([type, ext_id, branch, company_id, payload, metadata]) => ({
    ...{ type, ext_id, branch, company_id, payload, metadata }
  }))
)

/** What the functions say, and no expression of the trigger's. */
const expected = `
  SELECT sent.n, read.payload, sent.payload::jsonb AS payload_received, coalesce(read.known, sent.type) AS type, found.ext_id,
    placed.branch, coalesce(
      CASE
        WHEN read.object IS NULL THEN 'invalid_payload: a JSON ' || jsonb_typeof(read.payload)
          || ' that is no object, no JSON text of one and no Ruby hash'
        WHEN read.known IS NULL THEN 'unknown_event_type: ' || coalesce('"' || sent.type || '"', 'none given')
        WHEN found.ext_id IS NULL THEN 'missing_ext_id: neither ext_id nor the payload''s id or ' || read.kind || '_id is given'
        WHEN found.ext_id !~ '^[A-Za-z0-9_-]{1,64}$' THEN 'invalid_payload: ext_id "' || left(found.ext_id, 100) || '" ('
          || length(found.ext_id) || ' characters) is no id of RentProg'
      END,
      CASE WHEN placed.branch !~ '^[^|]{1,100}$' THEN 'unknown_branch: "' || left(placed.branch, 100) || '" is no branch code' END,
      CASE WHEN placed.branch IS NULL THEN 'unknown_branch: not asked yet' END
    ) AS reason
  FROM sent
  CROSS JOIN LATERAL (
    SELECT last_of_arrays(read_payload(sent.payload::jsonb)) AS object, event_type(sent.type) AS known
  ) AS once
  CROSS JOIN LATERAL (
    SELECT once.*, coalesce(once.object, sent.payload::jsonb) AS payload, split_part(once.known, '_', 1) AS kind
  ) AS read
  CROSS JOIN LATERAL (
    SELECT coalesce(
      nullif(btrim(sent.ext_id), ''), nullif(btrim(id_text(read.object -> 'id')), ''),
      nullif(btrim(id_text(read.object -> (read.kind || '_id'))), '')
    ) AS ext_id
  ) AS found
  CROSS JOIN LATERAL (
    SELECT coalesce(
      nullif(btrim(sent.branch), ''),
      event_branch(read.object, sent.company_id, sent.metadata::jsonb, read.kind, found.ext_id)
    ) AS branch
  ) AS placed
`

layer(testDatabase, { excludeTestServices: true })("the trigger's short way", (it) => {
  it.effect("makes of every row what the functions make of it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* run(
        "INSERT INTO cars (rentprog_id, branch) VALUES ('1', 'kutaisi'), ('12', 'batumi')",
        "INSERT INTO clients (rentprog_id, branch) VALUES ('2', 'batumi')",
        "INSERT INTO bookings (rentprog_id, branch) VALUES ('1', 'tbilisi')"
      )
      const rows = yield* Arbitrary.sampleEffect(row, { count: 3000, seed: crypto.randomUUID() })
      yield* sql`CREATE TABLE sent AS SELECT sent.* FROM ROWS FROM (jsonb_to_recordset(${sql.json(rows)})
        AS (type text, ext_id text, branch text, company_id bigint, payload text, metadata text)) WITH ORDINALITY
        AS sent (type, ext_id, branch, company_id, payload, metadata, n)`
      const { payloads } = yield* notifiedBy(sql`
        INSERT INTO events (id, type, ext_id, branch, company_id, payload, metadata)
        SELECT sent.n, sent.type, sent.ext_id, sent.branch, sent.company_id, sent.payload::jsonb, sent.metadata::jsonb
        FROM sent ORDER BY sent.n
      `)
      const said = sql`SELECT expected.* FROM (${sql.literal(expected)}) AS expected`
      const wrong = yield* sql`
        SELECT to_jsonb(events.*)::text AS row, to_jsonb(expected.*)::text AS expected
        FROM events JOIN (${said}) AS expected ON expected.n = events.id
        WHERE (
          events.payload, events.payload_received, events.type, events.ext_id, events.branch, events.reason, events.ok,
          events.processed, events.attempts, events.processed_at, events.revision, events.next_attempt_at
        ) IS DISTINCT FROM (
          expected.payload, expected.payload_received, expected.type, expected.ext_id, expected.branch, expected.reason,
          CASE WHEN expected.reason IS NOT NULL THEN false END, false, 0, NULL::timestamptz, 0,
          CASE WHEN expected.reason IS NULL OR expected.reason = 'unknown_branch: not asked yet' THEN events.ts ELSE 'infinity' END
        )
      `
      assert.deepStrictEqual(wrong, [])
      const told = yield* sql<{ readonly told: string }>`
        SELECT format('%s|%s|%s|%s', expected.n, expected.branch, expected.type, expected.ext_id) AS told
        FROM (${said}) AS expected
        WHERE expected.reason IS NULL OR expected.reason = 'unknown_branch: not asked yet'
        ORDER BY expected.n
      `
      assert.deepStrictEqual(
        payloads,
        told.map((row) => row.told)
      )
      assert.isTrue(told.length > 300 && told.length < 2500, String(told.length))

      const changes = yield* sql`
        SELECT sent.payload FROM sent
        WHERE event_changes(sent.payload::jsonb) IS DISTINCT FROM (
          SELECT jsonb_object_agg(field.key, field.value)
          FROM jsonb_each(read_payload(sent.payload::jsonb)) AS field
          WHERE CASE WHEN jsonb_typeof(field.value) = 'array' THEN jsonb_array_length(field.value) = 2 END
        )
      `
      assert.deepStrictEqual(changes, [])
    })
  )
})
