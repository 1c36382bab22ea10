import { createHash } from "node:crypto"
import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { BranchActor } from "../../src/actors/Branch.ts"
import { protocol } from "../../src/actors/Cluster.ts"

it("what the actors say to each other has a number: whoever changes it raises that", () => {
  const messages = Array.from(BranchActor.protocol.requests.values(), (message) => ({
    name: message._tag,
    wire: [message.payloadSchema, message.successSchema, message.errorSchema].map((schema) =>
      Schema.toJsonSchemaDocument(schema)
    )
  }))
  const print = createHash("sha256").update(JSON.stringify(messages)).digest("hex").slice(0, 12)
  assert.deepStrictEqual({ protocol, print }, { protocol: 1, print: "6d617cc694ca" })
})
