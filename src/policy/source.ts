// YAML text → plain data that knows where it came from, so that every mistake is reported with line
// and column. Only data: no tags, no YAML 1.1, no bombs; size, depth and width are bounded first.
import {
  Composer,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type CST,
  type Document,
} from 'yaml'

import { Fault, messageOf } from '../core/fault.ts'
import { quote } from './spelling.ts'
import { findTokenExcess, findTreeExcess, type Excess } from './yaml-guard.ts'

/** A place in a text, both counted from 1. */
export type Position = { line: number; column: number }

/** One mistake: where in the data, whether its key or its value is meant, and what is wrong. */
export type Problem = { path: readonly PropertyKey[]; on?: 'key'; message: string }

/** Data read from YAML, and the place of every path in it. */
export type Source = {
  value: unknown
  locate: (path: readonly PropertyKey[], on?: 'key') => Position
}

const sizeLimitBytes = 1024 * 1024
const aliasLimit = 100
const problemLimit = 500

/** Reads one YAML document; throws config_invalid with every mistake of its syntax. */
export function readYaml(text: string, what: string): Source {
  const isTooLarge =
    text.length > sizeLimitBytes || new TextEncoder().encode(text).length > sizeLimitBytes
  if (isTooLarge) {
    throw new Fault('config_invalid', `The ${what} is larger than ${sizeLimitBytes} bytes.`)
  }
  const counter = new LineCounter()
  try {
    refuseExcess(findTokenExcess(text), text, what)
    const tokens = [...new Parser(counter.addNewLine).parse(text)]
    refuseExcess(findTreeExcess(tokens), text, what)
    return toSource(compose(tokens, text, counter, what), counter)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('config_invalid', `The ${what} is not YAML: ${messageOf(cause)}`, { cause })
  }
}

function refuseExcess(excess: Excess | undefined, text: string, what: string): void {
  if (!excess) return
  const before = text.slice(0, excess.offset).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  throw new Fault(
    'config_invalid',
    `The ${what} is not YAML that this service reads: line ${before.length}, column ${column}: ${excess.why}.`,
  )
}

/** All mistakes of a file as one fault, in the order of its lines. */
export function toFault(what: string, source: Source, problems: readonly Problem[]): Fault {
  const placed = problems.map((problem) => ({
    ...source.locate(problem.path, problem.on),
    text: `${writePath(problem.path)}: ${problem.message}`,
  }))
  placed.sort((one, other) => one.line - other.line || one.column - other.column)
  const lines = placed
    .slice(0, problemLimit)
    .map(({ line, column, text }) => `\n  - line ${line}, column ${column}: ${text}`)
  const rest = placed.length > problemLimit ? '\n  - and so on' : ''
  return new Fault(
    'config_invalid',
    `The ${what} has ${problems.length} problem(s):${lines.join('')}${rest}`,
  )
}

function compose(
  tokens: CST.Token[],
  text: string,
  counter: LineCounter,
  what: string,
): Document.Parsed {
  const composer = new Composer({ uniqueKeys: true, lineCounter: counter })
  const [document, second] = [...composer.compose(tokens, true, text.length)]
  if (!document) throw new Error('it holds no document')
  // A tag or directive nobody knows is a mistake as well, not a line on stderr.
  const found = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    message: message.length > 200 ? `${message.slice(0, 199)}…` : message,
  }))
  if (second) found.push({ offset: second.range[0], message: 'a second document begins here' })
  const { yaml } = document.directives ?? {}
  if (yaml?.explicit && yaml.version !== '1.2') {
    found.push({ offset: 0, message: `this is YAML 1.2, not ${yaml.version}` })
  }
  if (found.length === 0) return document
  const lines = found.slice(0, problemLimit).map(({ offset, message }) => {
    const { line, col } = counter.linePos(offset)
    return `\n  - line ${line}, column ${col}: ${message}`
  })
  throw new Fault('config_invalid', `The ${what} is not YAML:${lines.join('')}`)
}

function toSource(document: Document.Parsed, counter: LineCounter): Source {
  const value: unknown = document.toJS({ maxAliasCount: aliasLimit })
  return {
    value,
    locate: (path, on) => {
      const { line, col } = counter.linePos(offsetOf(document, path, on))
      return { line: Math.max(line, 1), column: Math.max(col, 1) }
    },
  }
}

// The deepest node that is there: a missing key is reported where its map begins.
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], on?: 'key'): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [index, part] of path.entries()) {
    const { key, value } = findPart(isAlias(node) ? node.resolve(document) : node, part)
    const isKeyMeant = on === 'key' && index === path.length - 1
    const at = (isKeyMeant ? undefined : startOf(value)) ?? startOf(key)
    if (at === undefined) return offset
    offset = at
    node = value
  }
  return offset
}

function findPart(node: unknown, part: PropertyKey): { key?: unknown; value?: unknown } {
  if (isSeq(node)) return { value: node.items[Number(part)] }
  if (!isMap(node)) return {}
  return node.items.find(({ key }) => keyText(key) === String(part)) ?? {}
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined
}

function writePath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  return path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`
      const key = String(part)
      // A key is the file's own text: it must not break the line it is quoted on.
      return /^[\w$-]{1,64}$/.test(key) ? `.${key}` : `.${quote(key)}`
    })
    .join('')
    .slice(1)
}
