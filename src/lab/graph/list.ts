// Lists as Graph gives them: $filter on a few properties, $select, pages with @odata.nextLink
// (Microsoft Graph, "Use query parameters", "Paging").
import { type FilterTerm, parseFilter } from '../control/filter.ts'
import { takePage } from '../control/page.ts'
import { type ControlAnswer, ControlRefusal, isObject } from '../control/server.ts'
import { contextOf, type GraphCall } from './call.ts'

/** An object as it goes over the wire. */
export type GraphObject = Record<string, unknown>

/** Answers with those objects that the call's $filter lets through; 400 for a filter on anything else. */
export function answerList(
  call: GraphCall,
  context: string,
  objects: readonly GraphObject[],
): ControlAnswer {
  const found = filterObjects(call, objects)
  const { page, nextLink } = takePage(call, found, call.state.settings.pageSize)
  return {
    status: 200,
    body: {
      '@odata.context': contextOf(call, context),
      ...(call.query.get('$count') === 'true' && { '@odata.count': found.length }),
      ...(nextLink !== undefined && { '@odata.nextLink': nextLink }),
      value: page.map((object) => selectProperties(call, object)),
    },
  }
}

/** Answers with one object. */
export function answerObject(
  call: GraphCall,
  context: string,
  object: GraphObject,
  status = 200,
): ControlAnswer {
  const body = {
    '@odata.context': contextOf(call, `${context}/$entity`),
    ...selectProperties(call, object),
  }
  return { status, body }
}

function filterObjects(call: GraphCall, objects: readonly GraphObject[]): readonly GraphObject[] {
  const text = call.query.get('$filter')
  if (text === null) return objects
  const terms = parseFilter(text)
  if (!terms) throw refuseFilter(text)
  return objects.filter((object) => terms.every((term) => matches(object, term, text)))
}

function matches(object: GraphObject, term: FilterTerm, text: string): boolean {
  if (term.kind === 'compare') return compare(readPath(object, term.path, text), term)
  if (term.kind === 'any') {
    const values = readPath(object, term.path, text)
    return Array.isArray(values) && values.includes(term.value)
  }
  const [path = '', start = ''] = term.args
  if (term.name.toLowerCase() !== 'startswith' || term.args.length !== 2) throw refuseFilter(text)
  const value = readPath(object, path, text)
  return typeof value === 'string' && value.toLowerCase().startsWith(start.toLowerCase())
}

function compare(value: unknown, { op, value: wanted }: FilterTerm & { kind: 'compare' }): boolean {
  // The directory compares texts without regard to case; dates in ISO form compare as texts.
  const [one, other] = [spell(value), wanted.toLowerCase()]
  if (op === 'eq') return one === other
  if (op === 'ne') return one !== other
  if (op === 'ge') return one >= other
  if (op === 'le') return one <= other
  return op === 'gt' ? one > other : one < other
}

function spell(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value ?? null)).toLowerCase()
}

function readPath(object: GraphObject, path: string, text: string): unknown {
  let value: unknown = object
  for (const name of path.split('/')) {
    if (!isObject(value) || !(name in value)) throw refuseFilter(text)
    value = value[name]
  }
  return value
}

function selectProperties({ query }: GraphCall, object: GraphObject): GraphObject {
  const wanted = query.get('$select')?.split(',')
  if (!wanted) return object
  return Object.fromEntries(Object.entries(object).filter(([name]) => wanted.includes(name)))
}

function refuseFilter(text: string): ControlRefusal {
  return new ControlRefusal(
    400,
    'Request_UnsupportedQuery',
    `Unsupported or invalid query filter clause specified: ${text}`,
  )
}
