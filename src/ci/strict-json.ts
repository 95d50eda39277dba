// JSON that reads the same to every parser: no key twice in one object, no byte order mark, bounded
// depth. Of a doubled key JavaScript keeps the last value and others the first, and Go takes `Repo`
// for `repo`; what we check must be what an extension behind us reads.

/** Deepest nesting of a body; Drone's own has six levels. */
export const deepestNesting = 32

// The keys of these objects are other people's names: variables may differ in case alone.
const freeKeys = new Set(['params', 'labels', 'variables', 'environ'])

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Level = { keys: Set<string> | undefined; isFree: boolean }

/** The value of UTF-8 JSON, or an Error that quotes nothing of it. */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = attempt(() => decoder.decode(bytes))
  checkDepth(text)
  const value = attempt(() => JSON.parse(text) as unknown)
  checkKeys(text)
  return value
}

// No cause: the parser's message quotes the body, and `repo.secret` is in it.
function attempt<Value>(work: () => Value): Value {
  try {
    return work()
  } catch {
    throw new Error('it is not JSON')
  }
}

// Before JSON.parse, which would follow a million brackets down.
function checkDepth(text: string): void {
  let depth = 0
  scan(text, (start) => {
    const mark = text[start]
    if (mark === '{' || mark === '[') depth += 1
    else if (mark === '}' || mark === ']') depth -= 1
    if (depth > deepestNesting) throw new Error(`it is nested deeper than ${deepestNesting} levels`)
  })
}

// The text is known to be JSON here, so a string before a colon is a key and nothing else is.
function checkKeys(text: string): void {
  const levels: Level[] = []
  let lastString = ''
  let lastKey = ''
  scan(text, (start, end) => {
    const mark = text[start]
    if (mark === '"') lastString = text.slice(start, end)
    else if (mark === ':') {
      lastKey = JSON.parse(lastString) as string
      noteKey(levels.at(-1), lastKey)
    } else if (mark === '{') levels.push({ keys: new Set(), isFree: freeKeys.has(lastKey) })
    else if (mark === '[') {
      levels.push({ keys: undefined, isFree: false })
      lastKey = ''
    } else levels.pop()
  })
}

// Visits every string, bracket and colon. By hand: a regular expression would backtrack its way
// through a string of megabytes.
function scan(text: string, visit: (start: number, end: number) => void): void {
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? ''
    if (char === '"') {
      const start = at
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1
      visit(start, at + 1)
    } else if ('{}[]:'.includes(char)) visit(at, at + 1)
  }
}

function noteKey(level: Level | undefined, key: string): void {
  if (!level?.keys) return
  const folded = level.isFree ? key : key.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  if (level.keys.has(folded)) throw new Error('it has a key twice in one object')
  level.keys.add(folded)
}
