import { NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { readRoles } from "../database/sqlFiles.ts"
import { Settings } from "../Settings.ts"
import { settings } from "./configured.ts"

/** Prints; it connects to nothing. */
export const roles = Command.make("roles", {}, () =>
  Settings.use(({ schema }) => readRoles(schema)).pipe(
    Effect.flatMap(Console.log),
    Effect.provide([NodeServices.layer, settings])
  )
).pipe(
  Command.withShortDescription("Prints the SQL for four roles"),
  Command.withDescription(
    "Prints the SQL for four roles: the owner, who migrates; the service; writers of webhooks; readers. It connects to nothing."
  ),
  Command.withExamples([
    {
      command: 'jarvis roles | psql "$ADMIN_URL"',
      description: "Before jarvis migrate, and once more after it"
    }
  ])
)
