/**
 * The simulated company: four branches, the companies RentProg counts them as, and a company token for each.
 */
import type { Array as Arr, Schema } from "effect"
import { Branch } from "../domain/Branch.ts"

/** One of RentProg's companies and the branch that it is. A branch may be several companies. */
export interface Company {
  readonly companyId: number
  readonly branch: Branch
}

const tbilisi = Branch.make("tbilisi")
const kutaisi = Branch.make("kutaisi")
const batumi = Branch.make("batumi")
const serviceCenter = Branch.make("service-center")

/** The company that new records of each branch belong to. */
export const mainCompanies: Arr.NonEmptyReadonlyArray<Company> = [
  { companyId: 9247, branch: tbilisi },
  { companyId: 9248, branch: kutaisi },
  { companyId: 9506, branch: batumi },
  { companyId: 11163, branch: serviceCenter }
]

/** All companies, those included that records belong to for historical reasons. */
export const companies: ReadonlyArray<Company> = [
  ...mainCompanies,
  { companyId: 9110, branch: tbilisi },
  { companyId: 11157, branch: batumi },
  { companyId: 11158, branch: batumi }
]

const branches = new Map(companies.map(({ branch, companyId }) => [String(companyId), branch]))

/** The branch of a `company_id`, given as a number or as text; undefined where no branch has it. */
export const branchOf = (companyId: Schema.Json): Branch | undefined => branches.get(String(companyId))

/** Branch to company token, in the shape of the setting `RENTPROG_TOKENS`. */
export const companyTokens: Readonly<Record<Branch, string>> = Object.fromEntries(
  mainCompanies.map(({ branch }) => [branch, `simulated-company-token-of-${branch}`])
)

const owners = new Map(mainCompanies.map(({ branch }) => [companyTokens[branch], branch]))

/** The branch that owns a company token. */
export const ownerOf = (companyToken: string): Branch | undefined => owners.get(companyToken)

/** Branch to the token of a user of the branch, which the operations log asks for. */
export const userTokens: Readonly<Record<Branch, string>> = Object.fromEntries(
  mainCompanies.map(({ branch }) => [branch, `simulated-user-token-of-${branch}`])
)

const employers = new Map(mainCompanies.map(({ branch }) => [userTokens[branch], branch]))

/** The branch whose user a token is of. */
export const employerOf = (userToken: string): Branch | undefined => employers.get(userToken)
