// Conditions of role assignments, version 2.0: text → tree (azure-docs,
// role-based-access-control/conditions-format.md). What a tree means is condition-prefix.ts's matter.

/** A parsed condition. */
export type Condition =
  | { kind: 'and' | 'or'; parts: readonly Condition[] }
  | { kind: 'not'; part: Condition }
  | { kind: 'action'; patterns: readonly string[] }
  | { kind: 'suboperation'; patterns: readonly string[] }
  | { kind: 'exists'; attribute: string }
  | { kind: 'compare'; attribute: string; operator: string; values: readonly string[] }

const tokenForms =
  /\s*(?:(@\w+\[[^\]]+\])|('(?:[^'\\]|\\.|'')*')|(\|\||&&|[(){},!])|([A-Za-z]\w*(?::\w+)?)|(-?\d+(?:\.\d+)?))/y

const operators =
  /^(?:ForA(?:ny|ll)OfA(?:ny|ll)Values:)?(?:(?:String(?:Not)?(?:Equals(?:IgnoreCase)?|StartsWith(?:IgnoreCase)?|Like(?:IgnoreCase)?))|Numeric\w+|DateTime\w+|Guid(?:Not)?Equals|Bool(?:Not)?Equals)$/

/** The tree of a condition; a text that says what is wrong when it is none. */
export function parseCondition(text: string): Condition | string {
  const tokens = tokenize(text)
  if (typeof tokens === 'string') return tokens
  const reader = createReader(tokens)
  try {
    const condition = readOr(reader)
    if (reader.peek() !== undefined) throw new SyntaxError(`'${reader.peek()}' is not expected`)
    return condition
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

type Reader = {
  peek: () => string | undefined
  take: () => string
  accept: (word: string) => boolean
}

function createReader(tokens: readonly string[]): Reader {
  let at = 0
  return {
    peek: () => tokens[at],
    take() {
      const token = tokens[at]
      if (token === undefined) throw new SyntaxError('the condition ends too early')
      at += 1
      return token
    },
    accept(word) {
      const isNext = tokens[at]?.toUpperCase() === word
      if (isNext) at += 1
      return isNext
    },
  }
}

function tokenize(text: string): string[] | string {
  const tokens: string[] = []
  tokenForms.lastIndex = 0
  const end = text.trimEnd().length
  while (tokenForms.lastIndex < end) {
    const from = tokenForms.lastIndex
    const match = tokenForms.exec(text)
    if (!match) return `nothing can begin with '${text.slice(from, from + 12).trim()}'`
    tokens.push(match[0].trim())
  }
  return tokens.length > 0 ? tokens : 'the condition is empty'
}

function readOr(reader: Reader): Condition {
  const parts = [readAnd(reader)]
  while (reader.accept('OR') || reader.accept('||')) parts.push(readAnd(reader))
  return combine('or', parts)
}

function readAnd(reader: Reader): Condition {
  const parts = [readUnary(reader)]
  while (reader.accept('AND') || reader.accept('&&')) parts.push(readUnary(reader))
  return combine('and', parts)
}

function combine(kind: 'and' | 'or', parts: Condition[]): Condition {
  const [only, ...others] = parts
  return only && others.length === 0 ? only : { kind, parts }
}

function readUnary(reader: Reader): Condition {
  if (reader.accept('!') || reader.accept('NOT')) return { kind: 'not', part: readUnary(reader) }
  if (reader.accept('(')) {
    const inner = readOr(reader)
    expect(reader, ')')
    return inner
  }
  return readClause(reader)
}

function readClause(reader: Reader): Condition {
  const word = reader.take()
  if (word === 'ActionMatches') return { kind: 'action', patterns: readSet(reader) }
  if (word === 'SubOperationMatches') return { kind: 'suboperation', patterns: readSet(reader) }
  if (/^(Not)?Exists$/i.test(word)) {
    const exists: Condition = { kind: 'exists', attribute: readAttribute(reader.take()) }
    return word.toLowerCase() === 'exists' ? exists : { kind: 'not', part: exists }
  }
  const attribute = readAttribute(word)
  const operator = reader.take()
  if (!operators.test(operator)) throw new SyntaxError(`'${operator}' is no operator`)
  const values = reader.peek() === '{' ? readSet(reader) : [readValue(reader)]
  return { kind: 'compare', attribute, operator, values }
}

function readSet(reader: Reader): string[] {
  expect(reader, '{')
  const values = [readValue(reader)]
  while (reader.accept(',')) values.push(readValue(reader))
  expect(reader, '}')
  return values
}

function readValue(reader: Reader): string {
  const token = reader.take()
  if (token.startsWith("'"))
    return token.slice(1, -1).replace(/\\(.)|''/g, (_, c?: string) => c ?? "'")
  if (/^(@|-?\d|true$|false$)/i.test(token)) return token
  throw new SyntaxError(`'${token}' is no value`)
}

function readAttribute(token: string): string {
  if (/^@(Resource|Request|Principal|Environment)\[/.test(token)) return token
  throw new SyntaxError(`'${token}' is no attribute`)
}

function expect(reader: Reader, token: string): void {
  const found = reader.take()
  if (found !== token) throw new SyntaxError(`'${token}' is expected before '${found}'`)
}
