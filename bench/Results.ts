/** What a run of the benchmark finds, as it stands in bench/results/*.json. */
import { Schema } from "effect"

export const contestants = ["bare table", "Jarvis", "graphile-worker", "pg-boss"] as const
export const Contestant = Schema.Literals(contestants)
export type Contestant = typeof Contestant.Type

/** What the median of `of` is to reach, as a number or as a multiple of the best median among `times`. */
export const Goal = Schema.Struct({
  is: Schema.Literals(["at least", "at most"]),
  value: Schema.Finite,
  times: Schema.optionalKey(Schema.NonEmptyArray(Schema.String))
})
export type Goal = typeof Goal.Type

/** One line of the table: what was measured, in each round, of each contestant. */
export const Figure = Schema.Struct({
  what: Schema.String,
  unit: Schema.String,
  better: Schema.Literals(["more", "less"]),
  /** Contestant to a value for each round. `pg-boss: how` is a variant of one, which has a line of its own. */
  rounds: Schema.Record(Schema.String, Schema.NonEmptyArray(Schema.Finite)),
  /** Jarvis's. */
  goal: Schema.optionalKey(Goal)
})
export type Figure = typeof Figure.Type

/** The figures of one part, and of which sources. */
export const PartResult = Schema.Struct({
  title: Schema.String,
  at: Schema.String,
  commit: Schema.String,
  seconds: Schema.Finite,
  /** Of the rows and the time: less than 1 proves nothing. */
  share: Schema.Finite,
  figures: Schema.Array(Figure)
})
export type PartResult = typeof PartResult.Type

/** What all parts were measured on. */
export const Measured = Schema.Struct({
  machine: Schema.Record(Schema.String, Schema.String),
  versions: Schema.Record(Schema.String, Schema.String),
  postgres: Schema.Record(Schema.String, Schema.String)
})
export type Measured = typeof Measured.Type

export const Results = Schema.Struct({
  ...Measured.fields,
  parts: Schema.Record(Schema.String, PartResult)
})
export type Results = typeof Results.Type

/** As the file spells it. */
export const ResultsJson = Schema.fromJsonString(Results)
