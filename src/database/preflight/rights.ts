/** What this user may not do and a migration has to. */
import type { Catalog } from "../catalog.ts"
import { type Comparison, isBook } from "./Comparison.ts"
import { anywhere, type Finding, inSchema } from "./Finding.ts"
import { ident, list } from "./names.ts"
import type { ServerState } from "./server.ts"

const migrateAs = (owner: string): string => `run jarvis migrate as ${ident(owner)}`

function* inspectSchema(server: ServerState, schema: string): Iterable<Finding> {
  const role = ident(server.role)
  const object = `schema ${ident(schema)}`
  if (server.schema === null) {
    if (server.may_create_schemas) return
    const database = ident(server.database)
    return yield anywhere("fatal", object, {
      is: `missing, and role ${role} may not create it`,
      must: "there",
      todo: `${migrateAs(server.database_owner)}, or GRANT CREATE ON DATABASE ${database} TO ${role}`
    })
  }
  const rights = [
    ...(server.schema.may_use ? [] : ["USAGE"]),
    ...(server.schema.may_create ? [] : ["CREATE"])
  ]
  if (rights.length === 0) return
  yield inSchema("fatal", object, {
    is: `permission denied: role ${role} has no ${rights.join(" and no ")} there`,
    must: "one that it may create in",
    todo: `${migrateAs(server.schema.owner)}, or GRANT ${rights.join(", ")} ON SCHEMA ${ident(schema)} TO ${role}`
  })
}

interface Owned {
  readonly name: string
  readonly owner: string
  readonly owned: boolean
}

/** One line for each owner: a user who may not migrate owns none of them. */
function* inspectOwners(server: ServerState, kind: string, things: ReadonlyArray<Owned>): Iterable<Finding> {
  const foreign = things.filter(({ owned }) => !owned)
  for (const owner of new Set(foreign.map((thing) => thing.owner))) {
    const names = foreign.filter((thing) => thing.owner === owner).map(({ name }) => name)
    const one = names.length === 1 ? kind : `${kind}s`
    yield inSchema("fatal", `${one} ${list(names)}`, {
      is: `owned by ${ident(owner)}`,
      must: `owned by ${ident(server.role)}, or a role that it is in`,
      todo: `${migrateAs(owner)}, or GRANT ${ident(owner)} TO ${ident(server.role)}`
    })
  }
}

/** Only where something is to be migrated: a service needs none of these rights. */
export function* inspectRights(
  server: ServerState,
  { actual, expected, schema }: Pick<Comparison, "actual" | "expected" | "schema">
): Iterable<Finding> {
  yield* inspectSchema(server, schema)
  yield* inspectOwners(
    server,
    "table",
    actual.relations.filter(({ name }) => expected.relations.some((own) => own.name === name))
  )
  yield* inspectOwners(
    server,
    "function",
    actual.routines
      .filter(({ signature }) => expected.routines.some((own) => own.signature === signature))
      .map(({ owned, owner, signature }) => ({ name: signature, owned, owner }))
  )
}

/** Whether it can be read what has run here: without that, nothing can be said. */
export function* inspectBooks(
  { role }: ServerState,
  { relations }: Catalog,
  schema: string
): Iterable<Finding> {
  const closed = relations.filter((relation) => isBook(relation) && !relation.readable)
  for (const { name, owner } of closed) {
    yield anywhere("fatal", `table ${name}`, {
      is: `closed to role ${ident(role)}`,
      must: "readable: it says what has run here",
      todo: `as ${ident(owner)}, GRANT USAGE ON SCHEMA ${ident(schema)} and GRANT SELECT ON ${ident(schema)}.${name}, both TO ${ident(role)}`
    })
  }
}
