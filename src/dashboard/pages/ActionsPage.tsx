import { useState } from "preact/hooks"
import { useLocation } from "preact-iso"
import type { Action } from "../../domain/Action.ts"
import { t } from "../i18n/index.ts"
import { Confirm } from "../parts/Confirm.tsx"
import { Heading } from "../parts/Heading.tsx"
import { Notice } from "../parts/Notice.tsx"
import { Ago, Time } from "../parts/Time.tsx"
import { address, beforeOf, queryOf } from "../state/filters.ts"
import { say } from "../state/toasts.ts"
import { useCall } from "../state/useCall.ts"

const every = 5000

const sentence = ({ action, branch, count }: Action): string =>
  action === "pause" || action === "resume" ? t.actions[action](branch ?? "") : t.actions[action](count)

const Matching = ({ action: { filter, table } }: { readonly action: Action }) => {
  if (filter === null || table === null) return null
  const query = queryOf(filter)
  const parts = Object.entries(query).filter(([, value]) => value)
  return (
    <p class="faint">
      {t.actions.matching}:{" "}
      <a href={address(`/${table}`, query)}>
        {parts.length === 0
          ? t.actions.everything
          : parts.map(([name, value]) => `${name} ${value}`).join(", ")}
      </a>
    </p>
  )
}

const Entry = ({ action, onUndo }: { readonly action: Action; readonly onUndo: () => void }) => (
  <li>
    <div>
      <p>
        <b>{action.by}</b> · {sentence(action)}
        {action.table !== null && (
          <>
            {" · "}
            <a href={`/${action.table}`}>{t.tables[action.table]}</a>
          </>
        )}
      </p>
      {action.reason !== null && (
        <p class="wrap">
          {t.actions.reason}: {action.reason}
        </p>
      )}
      <Matching action={action} />
      <p class="faint">
        <Time at={action.at} /> · <Ago at={action.at} /> · {t.actions.from(action.address)}
      </p>
    </div>
    {action.undoable && (
      <button type="button" onClick={onUndo} aria-label={`${t.deeds.undo}: ${sentence(action)}`}>
        {t.deeds.undo}
      </button>
    )}
  </li>
)

/** The audit: what people did, and a way back. */
export const ActionsPage = () => {
  const { query } = useLocation()
  const before = beforeOf(query)
  const { problem, reload, value } = useCall(
    ({ actions }) => actions.list({ query: before }),
    `actions ${before.before}`,
    every
  )
  const [asked, setAsked] = useState<Action>()
  return (
    <>
      <Heading title={t.actions.title} />
      <p class="subtitle">{t.actions.intro}</p>
      <Notice problem={problem} retry={reload} />
      {value === undefined ? (
        <div key="skeleton" class="skeleton" aria-hidden="true" />
      ) : (
        <section key="actions" class="panel" aria-label={t.actions.title}>
          {value.actions.length === 0 && <p class="faint">{t.actions.none}</p>}
          <ol class="audit">
            {value.actions.map((action) => (
              <Entry key={action.id} action={action} onUndo={() => setAsked(action)} />
            ))}
          </ol>
        </section>
      )}
      <nav class="pager" aria-label={t.list.older}>
        {before.before !== undefined && (
          <a class="button" href="/actions">
            {t.list.newest}
          </a>
        )}
        {value && value.next !== null && (
          <a class="button" href={address("/actions", { before: value.next })} rel="next">
            {t.list.older}
          </a>
        )}
      </nav>
      {asked && (
        <Confirm
          key={asked.id}
          title={t.deeds.undoAsk}
          text={t.deeds.undoText(asked.count)}
          does={t.deeds.undoDo}
          call={({ actions }) => actions.undo({ params: { id: asked.id } })}
          onDone={({ count }) => {
            say(t.deeds.undone(count))
            reload()
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}
