// The part of OData's $filter that Graph and ARM callers of this project use: comparisons, functions
// and one lambda, joined by `and` (OData 4.01 URL Conventions §5.1.1).

/** One term; a comparison has `op` and a value, a function its arguments. */
export type FilterTerm =
  | { kind: 'compare'; path: string; op: 'eq' | 'ne' | 'ge' | 'le' | 'gt' | 'lt'; value: string }
  | { kind: 'function'; name: string; args: readonly string[] }
  | { kind: 'any'; path: string; value: string }

const literal = String.raw`'((?:[^']|'')*)'`
const comparison = new RegExp(
  String.raw`^([\w/]+)\s+(eq|ne|ge|le|gt|lt)\s+(?:${literal}|([^\s'()]+))$`,
)
const call = /^(\w+)\(\s*(.*)\s*\)$/
const lambda = new RegExp(String.raw`^([\w/]+)/any\(\s*(\w+)\s*:\s*\2\s+eq\s+${literal}\s*\)$`)

/** The terms of a filter; undefined when it has a form that this parser does not know. */
export function parseFilter(text: string): readonly FilterTerm[] | undefined {
  const terms = splitByAnd(text).map((term) => parseTerm(term))
  return terms.every((term) => term !== undefined) ? terms : undefined
}

function parseTerm(text: string): FilterTerm | undefined {
  const any = lambda.exec(text)
  if (any) return { kind: 'any', path: any[1] ?? '', value: unquote(any[3] ?? '') }
  const compared = comparison.exec(text)
  if (compared) {
    const [, path = '', op = '', quoted, bare = ''] = compared
    const value = quoted === undefined ? bare : unquote(quoted)
    return isOperator(op) ? { kind: 'compare', path, op, value } : undefined
  }
  const called = call.exec(text)
  if (!called) return undefined
  const [, name = '', inner = ''] = called
  const args = readArguments(inner)
  return args && { kind: 'function', name, args }
}

function isOperator(op: string): op is 'eq' | 'ne' | 'ge' | 'le' | 'gt' | 'lt' {
  return ['eq', 'ne', 'ge', 'le', 'gt', 'lt'].includes(op)
}

function readArguments(text: string): string[] | undefined {
  if (text.trim() === '') return []
  const found = text.match(new RegExp(String.raw`^(?:\s*(?:${literal}|[\w/]+)\s*(?:,|$))+$`))
  if (!found) return undefined
  return [...text.matchAll(new RegExp(String.raw`${literal}|[\w/]+`, 'g'))].map((match) =>
    match[1] === undefined ? match[0] : unquote(match[1]),
  )
}

function unquote(text: string): string {
  return text.replaceAll("''", "'")
}

// `and` inside a quoted text joins nothing, so such texts are put aside first.
function splitByAnd(text: string): string[] {
  const aside: string[] = []
  const masked = text.replace(/'(?:[^']|'')*'/g, (quoted) => `'${aside.push(quoted) - 1}'`)
  return masked
    .split(/\s+and\s+/)
    .map((part) => part.replace(/'(\d+)'/g, (_, index: string) => aside[Number(index)] ?? ''))
    .map((part) => part.trim())
}
