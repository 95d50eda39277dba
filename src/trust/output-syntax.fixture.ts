// What we write for Terraform and Bicep, read back by parsers nobody here wrote: HashiCorp's own HCL parser
// as WebAssembly, and the grammar that editors use for Bicep.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import { Language, type Node, Parser } from 'web-tree-sitter'

const require = createRequire(import.meta.url)
// Its own types would bring those of browsers into the whole project.
const { parse } = require('@cdktn/hcl2json') as {
  parse: (name: string, text: string) => Promise<unknown>
}

/** An expression that is left as it stands. */
export type RawExpression = { expression: string }

/** Reads a file of Terraform as its JSON form; texts are plain, whatever has a template is an expression. */
export async function readHcl(text: string): Promise<Record<string, unknown>> {
  return toRecord(plain(await parse('trust.tf', text)))
}

/** The fields of the blocks of one kind, such as `resource` and `azuread_application`, by name; each stands once. */
export function blocksOf(
  file: Record<string, unknown>,
  kind: string,
  type: string,
): Map<string, Record<string, unknown>> {
  const named = Object.entries(toRecord(toRecord(file[kind])[type]))
  return new Map(
    named.map(([name, blocks]) => {
      if (Array.isArray(blocks) && blocks.length === 1) return [name, toRecord(blocks[0])]
      throw new SyntaxError(`${name} stands twice`)
    }),
  )
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) return value.map((each) => plain(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

// As in the JSON syntax of Terraform: `$${` is a dollar and a brace, `${` begins a template.
function plainText(text: string): string | RawExpression {
  const form = /\$\$\{|%%\{|\$\{|%\{/g
  const isTemplate = [...text.matchAll(form)].some(([sign]) => sign.length === 2)
  return isTemplate ? { expression: text } : text.replaceAll('$${', '${').replaceAll('%%{', '%{')
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** A declaration of Bicep: `resource`, `module`, `param` or `output`; the body of a loop is an expression. */
export type BicepStatement = { keyword: string; symbol: string; type: string; body: unknown }

// The grammar is older than this statement.
const extension = /^extension '[\w./:-]+'$/m

/** Opens the parser of Bicep. */
export async function openBicep(): Promise<(text: string) => BicepStatement[]> {
  await Parser.init()
  const grammar = await readFile(require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm'))
  const parser = new Parser().setLanguage(await Language.load(grammar))
  return (text) => {
    const root = parser.parse(text.replace(extension, '//'))?.rootNode
    if (!root || root.hasError) throw new SyntaxError(`no Bicep: ${root && findError(root)?.text}`)
    return root.namedChildren.flatMap((node) => {
      const keyword = /^(resource|module|parameter|output)_declaration$/.exec(node.type)?.[1]
      return keyword === undefined ? [] : [toStatement(keyword, node)]
    })
  }
}

function findError(node: Node): Node | undefined {
  if (node.isError || node.isMissing) return node
  return node.children.map((child) => findError(child)).find((found) => found !== undefined)
}

function toStatement(keyword: string, node: Node): BicepStatement {
  const [symbol, type, body] = node.namedChildren
  if (!symbol || !type) throw new SyntaxError(`half a declaration: ${node.text}`)
  const name = type.type === 'string' ? String(toValue(type)) : type.text
  return { keyword, symbol: symbol.text, type: name, body: body && toValue(body) }
}

function toValue(node: Node): unknown {
  switch (node.type) {
    case 'string':
      return toText(node)
    case 'array':
      return node.namedChildren.map((each) => toValue(each))
    case 'object':
      return Object.fromEntries(node.namedChildren.map((each) => toProperty(each)))
    default:
      return { expression: node.text }
  }
}

function toProperty(node: Node): [string, unknown] {
  const [name, value] = node.namedChildren
  if (name?.type === 'resource_declaration') {
    const { symbol, body } = toStatement('resource', name)
    return [symbol, body]
  }
  if (!name || !value) throw new SyntaxError(`half a property: ${node.text}`)
  return [name.text, toValue(value)]
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' }

function toText(node: Node): string | RawExpression {
  if (node.namedChildren.some(({ type }) => type === 'interpolation'))
    return { expression: node.text }
  const inner = node.text.slice(1, -1)
  return inner.replaceAll(/\\([nrt'\\$])/g, (_all, sign: string) => escapes[sign] ?? sign)
}
