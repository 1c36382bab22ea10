import { useEffect, useState } from "preact/hooks"
import type { RowFilter, RowSummary, Table } from "../../domain/Row.ts"
import type { Problem } from "../problem.ts"
import { useCall } from "./useCall.ts"

/** A row as the page shows it. */
export interface Shown {
  readonly row: RowSummary
  /** It has changed since it was shown, and the filters no longer match it. */
  readonly left: boolean
}

export interface Rows {
  readonly shown: ReadonlyArray<Shown> | undefined
  readonly next: string | null
  /** How many rows have arrived since; they are shown when the reader asks. */
  readonly fresh: number
  /** There are more of them than were counted. */
  readonly freshMore: boolean
  readonly showFresh: () => void
  readonly loading: boolean
  readonly problem: Problem | undefined
  readonly reload: () => void
}

interface Page {
  readonly rows: ReadonlyArray<RowSummary>
  readonly next: string | null
}

const pageSize = 50
const every = 5000

/** What is shown, brought up to date in its place: nothing moves under the reader. */
const brought = (shown: ReadonlyArray<Shown>, { next, rows }: Page): ReadonlyArray<Shown> => {
  const now = new Map(rows.map((row) => [row.id, row]))
  const oldest = rows.at(-1)
  return shown.map(({ left, row }) => {
    const newer = now.get(row.id)
    if (newer !== undefined) return { row: newer, left: false }
    // Rows that newer ones pushed off the page are unchanged as far as anybody knows.
    const isPushedOff = next !== null && oldest !== undefined && BigInt(row.id) < BigInt(oldest.id)
    return { row, left: left || !isPushedOff }
  })
}

/** A page of rows that match, asked again every few seconds while it is visible. */
export const useRows = (table: Table, filter: RowFilter, before: { readonly before?: string }): Rows => {
  const key = JSON.stringify([table, filter, before])
  const { loading, problem, reload, value } = useCall(
    ({ rows }) => rows.list({ params: { table }, query: { ...filter, ...before, limit: pageSize } }),
    key,
    every
  )
  const [turn, setTurn] = useState(0)
  const [basis, setBasis] = useState<{
    readonly key: string
    readonly of: string
    readonly page: Page
    /** Older ones than what is shown match too. */
    readonly older: boolean
    readonly shown: ReadonlyArray<Shown>
  }>()
  const of = `${key} ${turn}`

  useEffect(() => {
    if (value === undefined || loading) return
    setBasis((basis) =>
      basis?.of === of
        ? { ...basis, page: value, shown: brought(basis.shown, value) }
        : {
            key,
            of,
            page: value,
            older: value.next !== null,
            shown: value.rows.map((row) => ({ row, left: false }))
          }
    )
  }, [value, loading, key, of])

  // Rows of other filters stay while these are asked for, and no longer.
  const isOf = basis?.key === key || problem === undefined
  const known = new Set(basis?.shown.map(({ row }) => row.id))
  const isBefore = before.before !== undefined
  const fresh =
    basis === undefined || isBefore ? 0 : basis.page.rows.filter(({ id }) => !known.has(id)).length
  const renew = (): void => setTurn((turn) => turn + 1)
  return {
    shown: isOf ? basis?.shown : undefined,
    next: (isOf && basis?.older && basis.shown.at(-1)?.row.id) || null,
    fresh,
    freshMore: fresh > 0 && basis?.page.next !== null && fresh === basis?.page.rows.length,
    showFresh: renew,
    loading: loading || (value !== undefined && basis?.of !== of),
    problem,
    reload: () => {
      renew()
      reload()
    }
  }
}
