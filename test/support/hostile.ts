/** What a company may have beside Jarvis, and in its tables: whatever would lead a careless statement astray. */
import { readdirSync, readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

const tables = [
  "events",
  "history",
  "branches",
  "cars",
  "clients",
  "bookings",
  "payments",
  "maintenance",
  "entity_timeline",
  "reasons",
  "row_attempts",
  "row_refusals",
  "paused_branches",
  "operator_actions",
  "operator_action_rows",
  "history_progress",
  "adoptions",
  "ignored_sentences",
  "forwarded_tables",
  "forward_misses",
  "forward_losses",
  "forward_unfindable",
  "jarvis_migrations",
  "jarvis_functions",
  "jarvis_writes",
  "jarvis_processes",
  "jarvis_said",
  "jarvis_questions",
  "jarvis_lease",
  "jarvis_cluster_runners",
  "jarvis_cluster_locks"
]

const functions = [
  "event_type(text)",
  "read_moment(text)",
  "event_branch(jsonb, bigint, jsonb, text, text)",
  "mirror_branch(text, text)",
  "read_payload(jsonb)",
  "parse_ruby_hash(text)",
  "read_ruby_hash(text)",
  "ruby_string_to_json(text)",
  "ruby_number(text)",
  "quote_ruby_objects(text)",
  "last_of_arrays(jsonb)",
  "event_changes(jsonb)",
  "read_changes(jsonb)",
  "id_text(jsonb)",
  "parse_history_description(text)",
  "read_history_sentence(text)",
  "history_unusual()",
  "history_is_usual(text)",
  "history_usual_name(text)",
  "history_usual_aside(text)",
  "history_usual_changes(text)",
  "history_usual_payment(text, text)",
  "history_usual_hand_over(text, text, text)",
  "history_usual_job(text)",
  "history_spaced(text)",
  "history_fold(text)",
  "history_verbs()",
  "history_verb(text)",
  "history_nouns()",
  "history_noun(text)",
  "history_doubts()",
  "history_nameless()",
  "history_person(text)",
  "history_currency(text)",
  "history_way(text)",
  "history_amount(text, text)",
  "history_thing()",
  "history_kind(text[])",
  "history_changes(text)",
  "history_new_amount(text)",
  "history_paid(text, text)",
  "history_aside(text, text, text, boolean)",
  "history_job(text, text)",
  "history_hand_over(text, text)",
  "history_object(text, text, boolean, text[], boolean)",
  "history_gives(text)",
  "log_value(text, regtype)",
  "comes_after(text, text)",
  "await_turn_at_history()",
  "has_column(text, text)",
  "plain_type(text, text)",
  "comes_next(timestamptz, text, text, text)",
  "booking_after(text)",
  "make_record(text, text, text, timestamptz, text, jsonb)",
  "see_record(text, text)",
  "write_columns(text, text, text, jsonb, jsonb, jsonb, jsonb)",
  "apply_fields(text, jsonb, timestamptz, text, jsonb)",
  "history_effects(jsonb, boolean, timestamptz, timestamptz)",
  "row_state(boolean, boolean, text, timestamptz)",
  "notification_channel(text)",
  "take_events(text, text[], int, int)",
  "forward_reads(anyelement)",
  "forward_receipt(text, text)",
  "forward(text, text, jsonb)",
  "forward_why(text, text, text)",
  "forward_row()",
  "forward_lost()",
  "forward_lost_for_good()",
  "forward_again(int)",
  "forward_finds(jsonb, jsonb)",
  "forward_since(text, text, timestamptz, text, int, timestamptz)"
]

/** Tables, functions and triggers of Jarvis's own names in public, of other shapes, and all of them raise. */
export const hostile = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql.unsafe(`
    CREATE FUNCTION public.raise_hostile() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'somebody wrote to a table of public'; END $$
  `)
  for (const table of tables) {
    yield* sql.unsafe(
      `CREATE TABLE public.${table} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), payload json)`
    )
    yield* sql.unsafe(`
      CREATE TRIGGER auto_process_event_trigger BEFORE INSERT OR UPDATE OR DELETE ON public.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION public.raise_hostile()
    `)
  }
  for (const signature of functions) {
    yield* sql.unsafe(`
      CREATE FUNCTION public.${signature} RETURNS text LANGUAGE plpgsql
      AS $$ BEGIN RAISE 'somebody called a function of public'; END $$
    `)
  }
  yield* sql.unsafe(`
    CREATE FUNCTION public.auto_process_event() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'of old'; END $$
  `)
  yield* sql.unsafe("GRANT USAGE ON SCHEMA public TO PUBLIC")
})

const root = new URL("../../", import.meta.url)

const textsBelow = (folder: string, ending: RegExp): ReadonlyArray<string> =>
  readdirSync(new URL(folder, root))
    .filter((name) => ending.test(name))
    .map((name) => readFileSync(new URL(`${folder}/${name}`, root), "utf8"))

/** The statements in a TypeScript file: its template literals, without what is put into them. */
const statementsIn = (text: string): ReadonlyArray<string> =>
  (text.match(/`[^`]*`/g) ?? [])
    .filter((literal) => /\b(SELECT|UPDATE|INSERT|DELETE|WITH|FROM|WHERE|SET)\b/.test(literal))
    .map((literal) => literal.replaceAll(/\$\{[^}]*\}/g, ""))

/** Every bare word in our SQL: aliases, variables, names of CTEs and their columns, and what else could be taken for a column. */
const words = (): ReadonlyArray<string> => {
  const texts = [
    ...textsBelow("sql/functions", /\.sql$/),
    ...textsBelow("src/database", /\.ts$/).flatMap(statementsIn)
  ]
  const bare = texts.flatMap(
    (text) =>
      text
        .replaceAll(/--.*$/gm, "")
        .replaceAll(/'(?:[^']|'')*'/g, "''")
        .match(/(?<![.\w"])[a-z_][a-z0-9_]*(?![\w(])/g) ?? []
  )
  return Array.from(new Set(bare)).sort()
}

/** Gives each of Jarvis's tables a column of the company's for each of these words. */
export const crowd = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const named = yield* sql<{ readonly name: string; readonly own: ReadonlyArray<string> }>`
    SELECT pg_class.relname AS name, (
      SELECT array_agg(pg_attribute.attname::text) FROM pg_attribute WHERE pg_attribute.attrelid = pg_class.oid
    ) AS own
    FROM pg_class
    WHERE pg_class.relnamespace = current_schema()::regnamespace AND pg_class.relkind = 'r'
  `
  for (const { name, own } of named) {
    const added = words()
      .filter((word) => !own.includes(word))
      .slice(0, 1500)
    yield* sql.unsafe(
      `ALTER TABLE ${name} ${added.map((column) => `ADD COLUMN "${column}" text`).join(", ")}`
    )
  }
})
