/**
 * A client through a pooler that gives each transaction whichever session is free (PgBouncer: pool_mode = transaction).
 *
 * Nothing of ours stays in a session: no settings, no prepared statements, no LISTEN. Every statement is a transaction that
 * begins with Jarvis's settings, which end with it. A connection of `reserve`, and a stream, are without these: whoever takes one
 * says himself what it needs.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Option } from "effect"
import { SqlClient, type SqlConnection } from "effect/sql"

const run = (connection: SqlConnection.Connection, statement: string) => connection.executeRaw(statement, [])

/** `direct` leads past the pooler: for LISTEN, and for whoever makes a session of its own by its `config`. */
export const pooled = Effect.fnUntraced(function* (
  pool: PgClient.PgClient,
  direct: PgClient.PgClient,
  settings: Readonly<Record<string, string>>
) {
  const names = Object.keys(settings)
  const apply = `SELECT ${names.map((name, index) => `set_config('${name}', $${index + 1}, true)`).join(", ")}`
  const values = Object.values(settings)

  const borrower: SqlConnection.Borrower = (use) =>
    Effect.flatMap(pool.reserve, (connection) =>
      run(connection, "BEGIN").pipe(
        Effect.andThen(connection.executeRaw(apply, values)),
        Effect.andThen(use(connection)),
        Effect.onExit((exit) =>
          Exit.isSuccess(exit)
            ? run(connection, "COMMIT")
            : // On a connection that is lost there is nothing to take back.
              Effect.ignore(run(connection, "ROLLBACK"))
        )
      )
    ).pipe(Effect.scoped)

  const client = yield* SqlClient.make({
    driver: pool.driver,
    acquirer: pool.reserve,
    borrower,
    compiler: PgClient.makeCompiler(),
    transactionService: pool.transactionService,
    spanAttributes: [["db.system.name", "postgresql"]]
  })

  return Object.assign(client, {
    [PgClient.TypeId]: PgClient.TypeId,
    config: direct.config,
    json: pool.json,
    listen: direct.listen,
    notify: (channel: string, payload: string) =>
      Effect.asVoid(client`SELECT pg_notify(${channel}, ${payload})`),
    withTransaction: <R, E, A>(effect: Effect.Effect<A, E, R>) =>
      Effect.flatMap(Effect.serviceOption(pool.transactionService), (outer) =>
        pool.withTransaction(
          Option.isSome(outer) ? effect : Effect.andThen(client.unsafe(apply, values), effect)
        )
      )
  })
})
