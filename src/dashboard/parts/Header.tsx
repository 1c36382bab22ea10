import { useState } from "preact/hooks"
import { useLocation } from "preact-iso"
import { format, t } from "../i18n/index.ts"
import { useLive } from "../state/live.ts"
import { useNow } from "../state/now.ts"
import { operatorName } from "../state/session.ts"
import { Logo } from "./Logo.tsx"
import { You } from "./You.tsx"

const LiveMark = () => {
  const { connection, problem, retryAt } = useLive()
  const now = useNow()
  const seconds = retryAt === undefined ? 0 : Math.max(1, Math.ceil((retryAt - now) / 1000))
  const isStuck = connection === "lost" && retryAt === undefined && problem?.kind === "unexpected"
  return (
    <span class={`live live-${connection}`} title={retryAt === undefined ? undefined : t.live.again(seconds)}>
      <i class="live-dot" aria-hidden="true" />
      <span role="status">{isStuck ? t.live.reload : t.live[connection]}</span>
      {retryAt !== undefined && (
        <span class="live-wait" aria-hidden="true">
          {seconds}
        </span>
      )}
    </span>
  )
}

const Badge = ({ count }: { readonly count: number | undefined }) =>
  count ? (
    <span class="badge" title={t.nav.parked(count)}>
      <span aria-hidden="true">{format.number(count)}</span>
      <span class="only-heard">{t.nav.parked(count)}</span>
    </span>
  ) : null

/** The way around, and whether the page is live. */
export const Header = () => {
  const { path } = useLocation()
  const { overview } = useLive()
  const [open, setOpen] = useState(false)
  const pages = [
    { href: "/", text: t.nav.overview, count: 0 },
    { href: "/events", text: t.nav.events, count: overview?.events.parked },
    { href: "/history", text: t.nav.history, count: overview?.history.parked },
    { href: "/actions", text: t.nav.actions, count: 0 }
  ]
  const isHere = (href: string): boolean =>
    href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`)
  return (
    <header class="header">
      <a class="skip" href="#content">
        {t.nav.skip}
      </a>
      <div class="header-inside">
        <a class="brand" href="/" aria-label={`Jarvis, ${t.nav.overview}`}>
          <Logo />
          Jarvis
        </a>
        <nav aria-label={t.nav.label}>
          {pages.map(({ count, href, text }) => (
            <a key={href} href={href} aria-current={isHere(href) ? "page" : undefined}>
              {text}
              <Badge count={count} />
            </a>
          ))}
        </nav>
        <LiveMark />
        <button type="button" class="bare you" onClick={() => setOpen(true)}>
          {operatorName.get() || t.session.you}
        </button>
      </div>
      {open && <You onClose={() => setOpen(false)} />}
    </header>
  )
}
