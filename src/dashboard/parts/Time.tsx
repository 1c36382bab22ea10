import type { Moment } from "../i18n/format.ts"
import { format, t } from "../i18n/index.ts"
import { useNow } from "../state/now.ts"

const iso = (at: Moment): string => new Date(at.epochMilliseconds).toISOString()

/** `14:03:22`; the whole date on hover. */
export const Time = ({ at }: { readonly at: Moment }) => (
  <time dateTime={iso(at)} title={format.whole(at)}>
    {format.when(at)}
  </time>
)

/** `3 minutes ago`, kept up to date. */
export const Ago = ({ at }: { readonly at: Moment }) => {
  const now = useNow()
  return (
    <time dateTime={iso(at)} title={format.whole(at)}>
      {format.ago(at, now)}
    </time>
  )
}

/** `in 3 minutes`, kept up to date. */
export const Until = ({ at }: { readonly at: Moment }) => {
  const now = useNow()
  return (
    <time dateTime={iso(at)} title={format.whole(at)}>
      {format.until(at, now)}
    </time>
  )
}

export const None = () => <span class="faint">{t.none}</span>
