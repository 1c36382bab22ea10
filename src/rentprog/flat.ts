import { Predicate } from "effect"

/** RentProg: a record or an entry is plain, or in JSON:API's form `{id, attributes: {…}}`, with its number in either place. */
export const flat = (sent: { readonly [field: PropertyKey]: unknown }) => {
  const { attributes, ...rest } = sent
  return Predicate.isObject(attributes)
    ? { ...rest, ...attributes, id: attributes["id"] ?? rest["id"] }
    : sent
}
