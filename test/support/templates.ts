/** The name of a template database: what a test's own begins as a copy of. */
export const templateOf = (run: string, schema: string, state: "empty" | "migrated"): string =>
  `jarvis_template_${run}_${schema === "public" ? "public" : "own"}_${state}`
