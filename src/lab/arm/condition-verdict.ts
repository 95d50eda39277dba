// What a condition says of one call for a blob: yes, no, or that the lab cannot know (azure-docs,
// role-based-access-control/conditions-format.md; facts/federation.md §3.3).
import type { Condition } from './condition.ts'
import { containersAction, includesAction } from './role-definitions.ts'

/** One call: its data action in full, and the path, or the prefix of a listing. */
export type BlobCall = { action: string; isList: boolean; container: string; path: string }

type Comparison = Extract<Condition, { kind: 'compare' }>

const tests: Readonly<Record<string, (given: string, wanted: string) => boolean>> = {
  StringEquals: (given, wanted) => given === wanted,
  StringStartsWith: (given, wanted) => given.startsWith(wanted),
}

/** Whether the condition lets the call through; undefined when it asks what the lab does not keep. */
export function judgeCall(condition: Condition, call: BlobCall): boolean | undefined {
  switch (condition.kind) {
    case 'action':
      return includesAction(condition.patterns, call.action)
    case 'suboperation':
      return call.isList && condition.patterns.includes('Blob.List')
    case 'not': {
      const part = judgeCall(condition.part, call)
      return part === undefined ? undefined : !part
    }
    case 'and':
    case 'or': {
      const decisive = condition.kind === 'or'
      const parts = condition.parts.map((part) => judgeCall(part, call))
      if (parts.includes(decisive)) return decisive
      return parts.includes(undefined) ? undefined : !decisive
    }
    case 'compare':
      return compare(condition, call)
    default:
      return undefined
  }
}

function compare(
  { attribute, operator, values }: Comparison,
  { isList, container, path }: BlobCall,
): boolean | undefined {
  const given: Readonly<Record<string, string | undefined>> = {
    [`@resource[${containersAction}:name]`.toLowerCase()]: container,
    [`@resource[${containersAction}/blobs:path]`.toLowerCase()]: isList ? undefined : path,
    [`@request[${containersAction}/blobs:prefix]`.toLowerCase()]: isList ? path : undefined,
  }
  const value = given[attribute.toLowerCase()]
  const test = tests[operator]
  if (value === undefined || !test) return undefined
  return values.some((wanted) => test(value, wanted))
}
