/** What everybody inserts: RentProg's word that a car is gone, which costs no call of its API. */

/** The n-th row, about a car of its own. */
export const payload = (n: number) => ({ id: n, company_id: 9247, mileage: [n, n + 1] })

/** The same, as many at once as a statement makes of the numbers `n`. */
export const payloadSql = `jsonb_build_object('id', n, 'company_id', 9247, 'mileage', jsonb_build_array(n, n + 1))`

/** What the jobs of peers write: a record for each, as Jarvis writes one to its mirror. */
export const recordsSql = `
  CREATE TABLE records (
    id text PRIMARY KEY, branch text, data jsonb, deleted_at timestamptz NOT NULL DEFAULT now()
  )
`
