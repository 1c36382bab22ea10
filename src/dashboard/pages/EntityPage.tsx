import { useEffect } from "preact/hooks"
import { useLocation } from "preact-iso"
import type { MirroredType } from "../../domain/Mirrored.ts"
import type { Moment } from "../i18n/format.ts"
import { format, t } from "../i18n/index.ts"
import { Columns } from "../parts/Columns.tsx"
import { focusHeading, Heading } from "../parts/Heading.tsx"
import { Json } from "../parts/Json.tsx"
import { Notice } from "../parts/Notice.tsx"
import { Sign } from "../parts/Sign.tsx"
import { Timeline } from "../parts/Timeline.tsx"
import { address, beforeOf } from "../state/filters.ts"
import { useNow } from "../state/now.ts"
import { useCall } from "../state/useCall.ts"

const Said = ({
  says,
  at
}: {
  readonly says: (ago: string, when: string) => string
  readonly at: Moment
}) => {
  const now = useNow()
  return <span title={format.whole(at)}>{says(format.ago(at, now), format.when(at))}</span>
}

const every = 5000

/** A record as the mirror has it, and what happened to it. */
export const EntityPage = ({ type, id }: { readonly type: MirroredType; readonly id: string }) => {
  const { query } = useLocation()
  const before = beforeOf(query)
  const { loading, problem, reload, value } = useCall(
    ({ entities }) => entities.one({ params: { type, id }, query: before }),
    `${type} ${id} ${before.before}`,
    every
  )
  useEffect(() => {
    if (before.before === undefined) return
    scrollTo(0, 0)
    focusHeading()
  }, [before.before])
  const path = `/entities/${type}/${encodeURIComponent(id)}`
  const record = value?.record
  const { data, ...columns } = record?.columns ?? {}
  const cut = record?.cut ?? []
  return (
    <>
      <Heading title={`${t.entity.types[type]} ${id}`} />
      <p class="subtitle">
        {value !== undefined && !record && t.entity.lacking}
        {record?.branch && <span>{record.branch}</span>}
        {record?.fetched_at && <Said says={t.entity.fetched} at={record.fetched_at} />}
        {record?.deleted_at && (
          <span class="state tone-bad">
            <Sign tone="bad" />
            <Said says={t.entity.deleted} at={record.deleted_at} />
          </span>
        )}
        {"\u00a0"}
      </p>
      <Notice problem={problem} retry={reload} />
      {value === undefined ? (
        problem?.kind !== "not-found" && <div key="skeleton" class="skeleton" aria-hidden="true" />
      ) : (
        <div key="record" class={`columns record ${loading ? "loading" : ""}`} aria-busy={loading}>
          <section class="panel" aria-labelledby="timeline">
            <h2 id="timeline">{t.entity.timeline}</h2>
            {value.timeline.length === 0 && <p class="faint">{t.entity.nothing}</p>}
            <Timeline happenings={value.timeline} />
            <nav class="pager" aria-label={t.entity.timeline}>
              {before.before !== undefined && (
                <a class="button" href={path}>
                  {t.list.newest}
                </a>
              )}
              {value.next !== null && (
                <a class="button" href={address(path, { before: value.next })} rel="next">
                  {t.list.older}
                </a>
              )}
            </nav>
          </section>
          {record && (
            <div class="sections">
              <section class="panel">
                <h2>{t.entity.record}</h2>
                <Columns columns={columns} cut={cut} />
              </section>
              {data !== undefined && (
                <section class="panel">
                  <h2>{t.entity.data}</h2>
                  <Json label={t.entity.data} value={data} cut={cut.includes("data")} />
                </section>
              )}
            </div>
          )}
        </div>
      )}
    </>
  )
}
