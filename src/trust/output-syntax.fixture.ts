// Small strict readers of the parts of HCL and Bicep that we write. Whatever we do not write, they refuse.

/** A block of Terraform: `type "label" … { fields, blocks }`. */
export type HclBlock = {
  type: string
  labels: string[]
  fields: Record<string, unknown>
  blocks: HclBlock[]
}

/** An expression that is left as it stands. */
export type RawExpression = { expression: string }

/** Reads a whole file of Terraform; throws a SyntaxError. */
export function readHcl(text: string): HclBlock[] {
  const reader = createReader(text.replaceAll(/^#.*$/gm, ''))
  const blocks: HclBlock[] = []
  while (!reader.isAtEnd()) blocks.push(readBlock(reader, reader.word()))
  return blocks
}

function readBlock(reader: Reader, type: string): HclBlock {
  const block: HclBlock = { type, labels: [], fields: {}, blocks: [] }
  while (reader.isNext('"')) block.labels.push(readHclString(reader))
  reader.take('{')
  while (!reader.accept('}')) {
    const name = reader.word()
    if (!reader.accept('=')) block.blocks.push(readBlock(reader, name))
    else if (name in block.fields) throw new SyntaxError(`${name} stands twice`)
    else block.fields[name] = readHclValue(reader)
  }
  return block
}

function readHclValue(reader: Reader): unknown {
  if (reader.isNext('"')) {
    const start = reader.at()
    const text = readHclString(reader)
    return text.includes('\u0000') ? { expression: reader.since(start) } : text
  }
  if (reader.accept('[')) {
    const items: unknown[] = []
    while (!reader.accept(']')) {
      items.push(readHclValue(reader))
      if (!reader.isNext(']')) reader.take(',')
    }
    return items
  }
  if (reader.accept('{')) {
    const fields: Record<string, unknown> = {}
    while (!reader.accept('}')) {
      const name = reader.word()
      reader.take('=')
      fields[name] = readHclValue(reader)
    }
    return fields
  }
  return { expression: reader.line() }
}

// A template `${…}` in a string leaves a NUL in its place.
function readHclString(reader: Reader): string {
  return readString(reader, {
    quote: '"',
    escapes: { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' },
    special: (rest) => {
      if (/^[$%]{2}\{/.test(rest)) return { length: 3, text: rest.slice(1, 3) }
      const template = /^\$\{[\w.]+\}/.exec(rest)?.[0]
      if (template !== undefined) return { length: template.length, text: '\u0000' }
      if (/^[$%]\{/.test(rest)) throw new SyntaxError('a template nobody wrote')
      return undefined
    },
  })
}

/** A statement of Bicep: `resource`, `module`, `param`, `output`, `targetScope` or `extension`. */
export type BicepStatement = { keyword: string; symbol: string; type: string; body: unknown }

/** Reads resources and modules of a main file, and checks the rest; throws a SyntaxError. */
export function readBicep(text: string): BicepStatement[] {
  const reader = createReader(text.replaceAll(/^\s*\/\/.*$/gm, ''))
  const statements: BicepStatement[] = []
  while (!reader.isAtEnd()) {
    if (reader.accept('@description(')) {
      readBicepString(reader)
      reader.take(')')
      continue
    }
    const keyword = reader.word()
    if (keyword === 'extension') {
      statements.push({ keyword, symbol: '', type: readBicepString(reader), body: undefined })
      continue
    }
    if (keyword === 'targetScope') {
      reader.take('=')
      statements.push({ keyword, symbol: '', type: readBicepString(reader), body: undefined })
      continue
    }
    const symbol = reader.word()
    if (keyword === 'param') {
      statements.push({ keyword, symbol, type: reader.word(), body: undefined })
      continue
    }
    const type = keyword === 'output' ? reader.word() : readBicepString(reader)
    reader.accept('existing')
    reader.take('=')
    statements.push({ keyword, symbol, type, body: readBicepValue(reader) })
  }
  return statements
}

function readBicepValue(reader: Reader): unknown {
  if (reader.isNext("'")) {
    const start = reader.at()
    const text = readBicepString(reader)
    return text.includes('\u0000') ? { expression: reader.since(start) } : text
  }
  if (reader.accept('[')) {
    const items: unknown[] = []
    while (!reader.accept(']')) items.push(readBicepValue(reader))
    return items
  }
  if (!reader.accept('{')) return { expression: reader.line() }
  const fields: Record<string, unknown> = {}
  while (!reader.accept('}')) {
    const name = reader.word()
    reader.take(':')
    fields[name] = readBicepValue(reader)
  }
  return fields
}

function readBicepString(reader: Reader): string {
  return readString(reader, {
    quote: "'",
    escapes: { n: '\n', r: '\r', t: '\t', "'": "'", '\\': '\\', $: '$' },
    special: (rest) => {
      const template = /^\$\{[\w.]+\}/.exec(rest)?.[0]
      if (template !== undefined) return { length: template.length, text: '\u0000' }
      if (rest.startsWith('${')) throw new SyntaxError('a template nobody wrote')
      return undefined
    },
  })
}

type StringForm = {
  quote: string
  escapes: Record<string, string>
  special: (rest: string) => { length: number; text: string } | undefined
}

function readString(reader: Reader, { quote, escapes, special }: StringForm): string {
  reader.take(quote)
  let text = ''
  for (;;) {
    const rest = reader.rest()
    const found = special(rest)
    const [sign = ''] = rest
    if (found) {
      text += found.text
      reader.skip(found.length)
    } else if (sign === quote) {
      reader.skip(1)
      return text
    } else if (sign === '\\') {
      const plain = escapes[rest[1] ?? '']
      if (plain === undefined) throw new SyntaxError(`an escape nobody knows: ${rest.slice(0, 2)}`)
      text += plain
      reader.skip(2)
    } else if (sign === '' || sign < ' ') throw new SyntaxError('a string that does not end')
    else {
      text += sign
      reader.skip(1)
    }
  }
}

type Reader = ReturnType<typeof createReader>

function createReader(text: string) {
  let at = 0
  const skipBlanks = () => void (at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0)
  const isNext = (word: string) => {
    skipBlanks()
    return text.startsWith(word, at)
  }
  const accept = (word: string) => {
    if (!isNext(word)) return false
    at += word.length
    return true
  }
  const match = (form: RegExp) => {
    skipBlanks()
    const [found] = form.exec(text.slice(at)) ?? []
    if (found === undefined) throw new SyntaxError(`not expected: ${text.slice(at, at + 40)}`)
    at += found.length
    return found
  }
  const skipQuoted = (quote: string) => {
    for (at += 1; at < text.length && text[at] !== quote; at += 1) {
      if (text[at] === '\\') at += 1
    }
  }
  return {
    isNext,
    accept,
    take: (word: string) => {
      if (!accept(word)) throw new SyntaxError(`${word} is missing: ${text.slice(at, at + 40)}`)
    },
    word: () => match(/^[A-Za-z_][\w-]*/),
    line: () => {
      skipBlanks()
      const start = at
      let depth = 0
      for (; at < text.length; at += 1) {
        const sign = text[at] ?? ''
        if (depth === 0 && /[\n,\])}]/.test(sign)) break
        if (sign === '(' || sign === '[') depth += 1
        else if (sign === ')' || sign === ']') depth -= 1
        else if (sign === '"' || sign === "'") skipQuoted(sign)
      }
      const found = text.slice(start, at).trim()
      if (!/^[a-z]/.test(found) || depth !== 0) throw new SyntaxError(`no expression: ${found}`)
      return found
    },
    isAtEnd: () => {
      skipBlanks()
      return at === text.length
    },
    rest: () => text.slice(at),
    skip: (length: number) => void (at += length),
    at: () => at,
    since: (start: number) => text.slice(start, at).trim(),
  }
}
