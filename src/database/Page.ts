/** A part of a list, in the list's order. */
export interface Page<A> {
  readonly rows: ReadonlyArray<A>
  /** The `before` of the next page; null where there is none. */
  readonly next: string | null
}

/** The page out of what was found: one more than the page has says that there is another. */
export const toPage = <A extends { readonly id: string }>(
  found: ReadonlyArray<A>,
  limit: number
): Page<A> => {
  const rows = found.slice(0, limit)
  return { rows, next: found.length > limit ? (rows.at(-1)?.id ?? null) : null }
}
