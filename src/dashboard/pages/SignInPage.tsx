import { useId, useState } from "preact/hooks"
import { t } from "../i18n/index.ts"
import { problemText } from "../i18n/problems.ts"
import { Heading } from "../parts/Heading.tsx"
import type { Problem } from "../problem.ts"
import { operatorName, signIn, token } from "../state/session.ts"
import { useDeed } from "../state/useDeed.ts"

const saidOf = (problem: Problem): string =>
  problem.kind === "unauthorized"
    ? t.session.wrong
    : problem.kind === "too-many"
      ? t.session.tooMany
      : problemText(problem)

/** What a header can carry; no token has anything else. */
const readable = /^[\x20-\x7e]*$/

/** Asks for the admin token, and tries it before it lets go on. */
export const SignInPage = () => {
  const id = useId()
  const deed = useDeed()
  const [secret, setSecret] = useState("")
  const [isOdd, setOdd] = useState(false)
  const [name, setName] = useState(operatorName.get())

  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const odd = !readable.test(secret.trim())
    setOdd(odd)
    if (odd) return
    const before = token.get()
    token.set(secret.trim())
    operatorName.set(name.trim())
    deed.run(
      ({ branches }) => branches.list(),
      () => signIn(secret.trim()),
      () => token.set(before)
    )
  }

  const said = isOdd ? t.session.wrong : deed.problem && saidOf(deed.problem)

  return (
    <main id="content" class="gate">
      <form class="panel" onSubmit={submit}>
        <Heading title={t.session.title} />
        <p class="faint">{t.session.text}</p>
        <p class="field">
          <label for={`${id}-token`}>{t.session.token}</label>
          <input
            id={`${id}-token`}
            name="password"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
            aria-invalid={said === t.session.wrong}
            aria-describedby={`${id}-problem`}
          />
        </p>
        <p class="field">
          <label for={`${id}-name`}>{t.session.name}</label>
          <input
            id={`${id}-name`}
            name="username"
            autocomplete="username"
            maxLength={80}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            aria-describedby={`${id}-hint`}
          />
          <small id={`${id}-hint`}>{t.session.nameHint}</small>
        </p>
        <div role="alert" id={`${id}-problem`} class="notice-place">
          {said && <p class="notice">{said}</p>}
        </div>
        <button type="submit" class="primary" disabled={deed.busy}>
          {t.session.enter}
        </button>
      </form>
    </main>
  )
}
