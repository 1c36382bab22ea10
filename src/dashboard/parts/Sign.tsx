/** How something fares: a shape and a colour, always beside a word. */
export type Tone = "good" | "warn" | "bad" | "idle"

const shapes: { readonly [T in Tone]: string } = {
  good: "m3.4 8.4 3 3 6.2-6.6",
  warn: "M8 2.6 14 13H2ZM8 6.6v3M8 11.2v.2",
  bad: "m4 4 8 8M12 4l-8 8",
  idle: "M3.5 8h9"
}

export const Sign = ({ tone }: { readonly tone: Tone }) => (
  <svg class={`icon tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
    <path d={shapes[tone]} />
  </svg>
)
