import type { ReasonCode } from "../../domain/Reason.ts"
import { language } from "./index.ts"
import { type Explained, explanations } from "./reasons.ts"

const isCode = (text: string): text is ReasonCode => Object.hasOwn(explanations, text)

/** Every code there is, for a filter to choose from. */
export const reasonCodes = Object.keys(explanations).filter(isCode)

/** What a `reason`, `code` or `code: detail`, means to a person; undefined where the code is not one of ours. */
export const explain = (reason: string): Explained | undefined => {
  const code = reason.split(":", 1)[0] ?? ""
  return isCode(code) ? explanations[code][language] : undefined
}

/** The reason in a few words. */
export const reasonTitle = (reason: string): string => explain(reason)?.title ?? reason

/** What stands after the code. */
export const reasonDetail = (reason: string): string => {
  const colon = reason.indexOf(":")
  return colon < 0 ? "" : reason.slice(colon + 1).trim()
}
