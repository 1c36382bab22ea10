/**
 * What a connection URL says of TLS, as libpq understands it: sslmode, sslrootcert, sslcert, sslkey, sslpassword.
 *
 * Otherwise than libpq, `verify-full` without a root trusts what the machine trusts; an sslrootcert that is not there is an
 * error in each mode but `disable`; `~/.postgresql/root.crt` is read where it is, postgresql.crt and postgresql.key there are
 * not; and which of two ways is taken (`allow`, `prefer`) is found out at the start, for all connections of the pool.
 */
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import * as NodeTls from "node:tls"
import { Effect, Predicate, Redacted, Result, Schema } from "effect"

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const
type Mode = (typeof modes)[number]

interface Tls {
  readonly mode: Mode
  /** A file, or `system`. */
  readonly root: string | undefined
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
  readonly password: string | undefined
}

/** A file of sslrootcert, sslcert or sslkey that cannot be read. */
export class TlsFileError extends Schema.TaggedError<TlsFileError>()("TlsFileError", {
  message: Schema.String
}) {}

/** libpq leaves out TLS on a Unix socket, whatever is asked for. */
const isSocket = (url: URL): boolean =>
  /^(\/|%2f)/i.test(url.searchParams.getAll("host").at(-1) ?? url.hostname)

/** Fails with what the URL must be. */
export const readTls = (text: Redacted.Redacted): Result.Result<Tls, string> => {
  const url = new URL(Redacted.value(text))
  const given = (name: string) => url.searchParams.getAll(name).at(-1) || undefined
  const root = given("sslrootcert")
  const named =
    given("sslmode") ?? (given("ssl") === "true" ? "require" : root === "system" ? "verify-full" : "prefer")
  const mode = modes.find((one) => one === named)
  const [cert, key] = [given("sslcert"), given("sslkey")]
  if (mode === undefined) return Result.fail(`a URL with one of these as its sslmode: ${modes.join(", ")}`)
  if (root === "system" && mode !== "verify-full") {
    return Result.fail("a URL whose sslmode is verify-full where its sslrootcert is system")
  }
  if (mode === "verify-ca" && root === undefined && !existsSync(defaultRoot)) {
    return Result.fail("a URL with an sslrootcert where its sslmode is verify-ca")
  }
  if ((cert === undefined) !== (key === undefined)) {
    return Result.fail("a URL with both sslcert and sslkey, or with neither")
  }
  if (given("sslcrl") !== undefined || given("sslcrldir") !== undefined) {
    return Result.fail("a URL without sslcrl and sslcrldir, which Jarvis cannot check")
  }
  return Result.succeed({
    mode: isSocket(url) ? "disable" : mode,
    root: root ?? (existsSync(defaultRoot) ? defaultRoot : undefined),
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    password: given("sslpassword")
  })
}

const defaultRoot = join(homedir(), ".postgresql", "root.crt")

const read = (parameter: string, file: string) =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) =>
      new TlsFileError({
        message: `the file of ${parameter} cannot be read: ${Predicate.isError(cause) ? cause.message : String(cause)}`
      })
  })

/** What Node trusts, and the machine; a Node before 22.15 knows its own alone. */
const system = Effect.sync(() => {
  const { getCACertificates, rootCertificates }: Partial<typeof NodeTls> = NodeTls
  return getCACertificates === undefined
    ? [...(rootCertificates ?? [])]
    : [...getCACertificates("default"), ...getCACertificates("system")]
})

/**
 * How to connect: one way after the other is tried until the server takes one; `false` is without TLS. A root makes `require`
 * verify as `verify-ca` does.
 */
export const waysToConnect = Effect.fnUntraced(function* ({
  certificate,
  mode,
  password,
  root
}: Tls): Effect.fn.Return<ReadonlyArray<NodeTls.ConnectionOptions | false>, TlsFileError> {
  if (mode === "disable") return [false]
  const verifies = mode === "verify-full" || mode === "verify-ca" || root !== undefined
  const encrypted: NodeTls.ConnectionOptions = {
    rejectUnauthorized: verifies,
    ...(verifies && {
      ca: root === undefined || root === "system" ? yield* system : yield* read("sslrootcert", root)
    }),
    ...(mode !== "verify-full" && { checkServerIdentity: () => undefined }),
    ...(certificate !== undefined && {
      cert: yield* read("sslcert", certificate.cert),
      key: yield* read("sslkey", certificate.key)
    }),
    ...(password !== undefined && { passphrase: password })
  }
  if (mode === "allow") return [false, encrypted]
  return mode === "prefer" ? [encrypted, false] : [encrypted]
})
