// Templates of keys: text with `{{ function "argument" … }}` in it. What Drone itself replaces (`${…}`) has
// been replaced before a step sees it. Names that other cache plugins use for the same are taken too.
import { Fault } from '../core/fault.ts'

/** What the functions of a template are told. */
export type TemplateFacts = {
  branch: string
  buildNumber: string
  arch: string
  os: string
  epochSeconds: number
  env: Readonly<Record<string, string | undefined>>
  /** SHA-256 over the files that globs name, in hex; throws `cache_key_invalid` when there is none. */
  hashFiles: (globs: readonly string[]) => string
}

type Function = (facts: TemplateFacts, args: readonly string[]) => string

const functions: Readonly<Record<string, Function>> = {
  hashFiles: ({ hashFiles }, args) => hashFiles(args),
  branch: ({ branch }) => branch,
  build: ({ buildNumber }) => buildNumber,
  arch: ({ arch }) => arch,
  os: ({ os }) => os,
  epoch: ({ epochSeconds }) => String(epochSeconds),
  env: ({ env }, [name = '']) => env[name] ?? '',
}

const aliases: ReadonlyMap<string, string> = new Map([
  ['checksum', 'hashFiles'],
  ['.Commit.Branch', 'branch'],
  ['.Build.Number', 'build'],
])

// Keys are seen by everybody who may list the container.
const secretVariables = /^(?:PLUGIN_|AZURE_STORAGE_DRONE)|TOKEN|SECRET|PASSWORD/i

/** Fills in a template; throws `cache_key_invalid` with the place of what is wrong. */
export function fillTemplate(template: string, facts: TemplateFacts): string {
  let at = 0
  let filled = ''
  for (const match of template.matchAll(/\{\{(.*?)\}\}/gs)) {
    filled += template.slice(at, match.index) + call(template, match.index, match[1] ?? '', facts)
    at = match.index + match[0].length
  }
  const rest = template.slice(at)
  if (rest.includes('{{')) throw wrong(template, template.indexOf('{{', at), 'has no `}}`')
  return filled + rest
}

function call(template: string, index: number, text: string, facts: TemplateFacts): string {
  const [given = '', ...args] = readWords(text)
  const name = aliases.get(given) ?? given
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (!found) {
    const known = Object.keys(functions).join(', ')
    throw wrong(template, index, `calls ${JSON.stringify(given)}; there are ${known}`)
  }
  if (name === 'hashFiles' && args.length === 0) throw wrong(template, index, 'names no files')
  if (name === 'env' && (args[0] === undefined || secretVariables.test(args[0]))) {
    throw wrong(template, index, 'names no variable that may be in a key')
  }
  return found(facts, args)
}

function readWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  )
}

function wrong(template: string, index: number, what: string): Fault {
  const where = `character ${index + 1} of ${JSON.stringify(template)}`
  return new Fault('cache_key_invalid', `The \`{{\` at ${where} ${what}.`)
}
