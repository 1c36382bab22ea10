import { Data } from "effect"

/** The end of a command that has said itself what is wrong: the exit code is all that is left to tell. */
export class Ending extends Data.TaggedError("Ending")<{ readonly code: 1 | 2 | 3 }> {}
