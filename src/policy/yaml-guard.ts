// What refuses YAML bombs before anything is built from them: one pass over the tokens, then one over
// the syntax tree, both without recursion and both with bounds no honest file comes near.
import { CST, Lexer } from 'yaml'

/** Why a text is not worth reading, and where. */
export type Excess = { offset: number; why: string }

const depthLimit = 24
const tokenLimit = 500_000
const perLineLimit = 24
const keyLimit = 2000
const scalarLimit = 64 * 1024

// How many tokens of a kind a whole file may hold.
const totalLimits: Partial<Record<CST.TokenType, number>> = {
  'directive-line': 4,
  'doc-start': 4,
  'doc-end': 4,
  alias: 1000,
  anchor: 1000,
  tag: 1000,
  'block-scalar-header': 20_000,
}

const scalarKinds = new Set(['scalar', 'single-quoted-scalar', 'double-quoted-scalar'])
const openers = new Set(['flow-map-start', 'flow-seq-start'])
const closers = new Set(['flow-map-end', 'flow-seq-end'])
const blankKinds = new Set(['space', 'newline', 'comment'])
const indicators = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind'])

type Counts = { count: number; depth: number; onLine: number; totals: Map<string, number> }

/** The first excess among the tokens of a text; undefined when it is harmless to parse. */
export function findTokenExcess(text: string): Excess | undefined {
  const counts: Counts = { count: 0, depth: 0, onLine: 0, totals: new Map() }
  let offset = 0
  let before: string | undefined
  let beforeThat: string | undefined
  for (const source of new Lexer().lex(text)) {
    // Marks of the lexer itself are not signs of the text.
    if (source === CST.DOCUMENT || source === CST.FLOW_END || source === CST.SCALAR) continue
    const type = CST.tokenType(source) ?? 'scalar'
    addToken(counts, type)
    const why = explainBounds(counts) ?? explainToken(counts, type, before, source.length)
    if (why) return { offset, why }
    offset += source.length
    if (type === 'newline') {
      // What follows a value, or an item, on a line of its own may be the next key of a map.
      if (counts.depth === 0 && indicators.has(beforeThat ?? '')) before = undefined
    } else if (!blankKinds.has(type)) {
      beforeThat = before
      before = type
    }
  }
  return undefined
}

function addToken(counts: Counts, type: string): void {
  counts.count += 1
  if (openers.has(type)) counts.depth += 1
  if (closers.has(type)) counts.depth -= 1
  if (type === 'newline') counts.onLine = 0
  else if (counts.depth === 0 && indicators.has(type)) counts.onLine += 1
  counts.totals.set(type, (counts.totals.get(type) ?? 0) + 1)
}

function explainBounds(at: Counts): string | undefined {
  if (at.count > tokenLimit) return `more than ${tokenLimit} signs and words`
  if (at.depth > depthLimit) return `nested more than ${depthLimit} deep`
  if (at.depth < 0) return 'a bracket closes that was never opened'
  return at.onLine > perLineLimit ? `nested more than ${perLineLimit} deep on one line` : undefined
}

function explainToken(
  { totals }: Counts,
  type: string,
  before: string | undefined,
  length: number,
): string | undefined {
  const limit = totalLimits[type as CST.TokenType]
  if (limit !== undefined && (totals.get(type) ?? 0) > limit)
    return `more than ${limit} of the kind ${type}`
  if (length > scalarLimit) return `longer than ${scalarLimit} signs`
  if (type === 'comma' && before === 'comma') return 'two commas with nothing between them'
  if (
    type !== 'scalar' &&
    scalarKinds.has(type) &&
    before !== undefined &&
    scalarKinds.has(before)
  ) {
    return 'a quoted text right after another text'
  }
  return undefined
}

/** The first excess in the depth or width of a syntax tree. */
export function findTreeExcess(tokens: readonly CST.Token[]): Excess | undefined {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }))
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next
    const { offset } = token
    if (depth > depthLimit) return { offset, why: `nested more than ${depthLimit} deep` }
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth })
    if (!('items' in token)) continue
    // Every key is compared with every other one of its map.
    if (token.type !== 'block-seq' && token.items.length > keyLimit) {
      return { offset, why: `more than ${keyLimit} keys or items in one collection` }
    }
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 })
      if (value) open.push({ token: value, depth: depth + 1 })
    }
  }
  return undefined
}
