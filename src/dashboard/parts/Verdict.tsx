import { t } from "../i18n/index.ts"
import type { Live } from "../state/live.ts"
import { type Finding, findings } from "./findings.ts"
import { Sign } from "./Sign.tsx"

const More = ({ finding: { detail, links = [], remedy } }: { readonly finding: Finding }) => (
  <>
    {[detail, remedy].filter((text) => text).join(detail?.match(/[.!?…]$/) ? " " : ". ")}
    {links.map(({ href, text }) => (
      <a href={href} key={href}>
        {text}
      </a>
    ))}
  </>
)

/** One big calm sentence first, then what else is worth a look. */
export const Verdict = ({ live }: { readonly live: Live }) => {
  const [first, ...rest] = findings(live)
  return (
    <section class={`verdict tone-${first.tone}`} aria-label={t.verdict.label}>
      <span class="verdict-sign">
        <Sign tone={first.tone} />
      </span>
      <div class="verdict-text">
        <p class="verdict-first" role="status">
          {first.text}
        </p>
        <p class="verdict-detail" key={first.text}>
          <More finding={first} />
        </p>
        {rest.length > 0 && (
          <ul class="verdict-rest">
            {rest.map((finding) => (
              <li key={finding.text}>
                <Sign tone={finding.tone} />
                <p>
                  <b>{finding.text}</b>
                  <More finding={finding} />
                </p>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  )
}
