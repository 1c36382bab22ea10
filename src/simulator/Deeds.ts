/**
 * Happenings as the operations log tells them: which deeds each is to whoever did it.
 */
import { Predicate, type Schema } from "effect"
import { meaning } from "../domain/Event.ts"
import type { Happening } from "./Happenings.ts"
import type { Changes } from "./Records.ts"
import type { Deed, Operation, SaidChanges } from "./Said.ts"

/** A sentence of its own tells that a booking is now in one of these states, and all that comes with it. */
const stateDeeds: Readonly<Record<string, Operation>> = {
  Активная: "issue",
  Завершена: "return",
  Отменена: "cancel"
}
const stateFields = new Set(["state", "active", "in_rent"])

/** No sentence quotes these: nobody could say where the quotation ends. */
const freeTexts = new Set(["description", "comment"])

const asSaid = (value: Schema.Json): string => (Predicate.isString(value) ? value : JSON.stringify(value))

const saidChanges = (changes: Changes): SaidChanges =>
  Object.fromEntries(
    Object.entries(changes)
      .filter(([field]) => !freeTexts.has(field))
      .map(([field, [old, now]]) => [
        field,
        { old: old === null || old === "" ? null : asSaid(old), new: now === null ? "" : asSaid(now) }
      ])
  )

/** What somebody did to make it happen. Of a change in few words it is only said that there was one. */
export const deedsOf = ({ changes, record, type }: Happening, fewWords: boolean): ReadonlyArray<Deed> => {
  const { entityType: kind, operation } = meaning[type]
  const deed = (done: Operation): Deed => ({
    entity_type: kind,
    entity_id: String(record.id),
    operation: done
  })
  if (operation === "create") return [deed("create")]
  if (operation === "destroy") return [deed("delete")]

  const stateDeed = kind === "booking" ? stateDeeds[String(changes["state"]?.[1])] : undefined
  const others =
    stateDeed === undefined
      ? changes
      : Object.fromEntries(Object.entries(changes).filter(([field]) => !stateFields.has(field)))
  const said = saidChanges(others)
  const change: Deed =
    Object.keys(said).length === 0 || (fewWords && kind !== "car")
      ? deed("update")
      : { ...deed("update"), changes: said }
  if (stateDeed === undefined) return [change]
  return Object.keys(others).length === 0 ? [deed(stateDeed)] : [deed(stateDeed), change]
}
