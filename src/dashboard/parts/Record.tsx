import { MirroredType } from "../../domain/Mirrored.ts"
import { t } from "../i18n/index.ts"
import { None } from "./Time.tsx"

const known = MirroredType.literals

/** The record that a row is about, and the way to its timeline. */
export const RecordLink = ({ type, id }: { readonly type: string | null; readonly id: string | null }) => {
  const kind = known.find((kind) => kind === type)
  if (id === null) return type === null ? <None /> : <span>{kind ? t.entity.types[kind] : type}</span>
  if (kind === undefined) return <span>{`${type ?? ""} ${id}`}</span>
  return (
    <a href={`/entities/${kind}/${encodeURIComponent(id)}`}>
      {t.entity.types[kind]} {id}
    </a>
  )
}
