import { NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { readRoles } from "../database/sqlFiles.ts"
import { Settings } from "../Settings.ts"

/** Prints; it connects to nothing. */
export const roles = Command.make("roles", {}, () =>
  Settings.use(({ schema }) => readRoles(schema)).pipe(
    Effect.flatMap(Console.log),
    Effect.provide(NodeServices.layer)
  )
).pipe(
  Command.withDescription(
    "Prints the SQL for four roles: owner (migrates), service, writer of webhooks, reader."
  )
)
