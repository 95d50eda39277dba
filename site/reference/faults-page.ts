// Pages on messages: every fault with its sentences, and what the numbers of Entra and the codes of
// storage mean, as the product itself reads them.
import { readFileSync } from 'node:fs'

import { entraFault } from '../../src/azure/entra-faults.ts'
import { knownCodes, readingOf } from '../../src/azure/storage-codes.ts'
import { faults, type FaultCode } from '../../src/core/fault.ts'
import { Secret } from '../../src/core/secret.ts'
import { writeTable } from './schema-table.ts'
import { findSentences } from './sentences.ts'

const rooms: Readonly<Record<string, string>> = {
  config: 'Configuration of the service',
  ci: 'Requests of the CI server and its runners',
  identity: 'What a build is',
  policy: 'The policy',
  issuer: 'The trust service',
  store: 'The database',
  backup: 'Backup and restore',
  restore: 'Backup and restore',
  audit: 'The ledger',
  trail: 'The trail',
  cli: 'The command line',
  demo: 'The demo',
  image: 'Images',
  keys: 'Signing keys',
  azure: 'Entra and storage',
  transfer: 'Moving files',
  plugin: 'The step',
  handoff: 'Other tools (`exec`)',
  trust: 'Trust in Azure',
  dashboard: 'The dashboard',
}

/** The page of all faults, by the room that finds them. */
export function writeFaultsPage(): string {
  const sentences = findAllSentences()
  const codes = Object.keys(faults) as FaultCode[]
  const chapters = Map.groupBy(codes, (code) => roomOf(code))
  return `# Faults

Every failure that somebody can cause has a code that does not change. The step and the commands print the
sentence, what to do, and \`code …, exit …\`; the service answers with problem details (RFC 9457) that carry \`code\`,
\`detail\` and \`hint\`. “…” stands for what is put in at run time. To find a message by its words, see
[troubleshooting](../troubleshooting.md); exit codes are told on [a page of their own](exit-codes.md).

${[...chapters].map(([room, some]) => `## ${room}\n\n${some.map((code) => writeFault(code, sentences.get(code) ?? [])).join('\n\n')}`).join('\n\n')}
`
}

function writeFault(code: FaultCode, sentences: readonly string[]): string {
  const { status, exit, retry, hint } = faults[code]
  const says = sentences.map((each) => `- ${escapeText(each)}`).join('\n')
  const todo = hint === '' ? '' : `\n\n**What to do:** ${escapeText(hint)}`
  const again = retry ? ' · tried again by itself, and worth another try' : ''
  return `### \`${code}\`\n\nexit ${exit} · HTTP ${status}${again}${says === '' ? '' : `\n\n${says}`}${todo}`
}

/** All messages by their first words, for people who have one before them. */
export function writeMessages(): string {
  const rows = [...findAllSentences()].flatMap(([code, sentences]) =>
    sentences.map((sentence) => ({ sentence, code })),
  )
  const known = rows
    .filter(({ code }) => Object.hasOwn(faults, code))
    .toSorted((one, other) => sortKey(one.sentence).localeCompare(sortKey(other.sentence), 'en'))
  return writeTable(
    ['message', 'code', 'what to do'],
    known.map(({ sentence, code }) => [
      escapeText(sentence),
      `[\`${code}\`](reference/faults.md#${code})`,
      escapeText(faults[code as FaultCode].hint),
    ]),
  )
}

/** What AADSTS numbers mean. */
export function writeEntraNumbers(): string {
  const source = readFileSync('src/azure/entra-faults.ts', 'utf8')
  const numbers = [...source.matchAll(/numbers: \[([\d, ]+)\]/g)].flatMap(
    (match) => match[1]?.split(', ').map(Number) ?? [],
  )
  const rows = numbers
    .toSorted((one, other) => one - other)
    .map((number) => {
      const { code, message, hint } = entraFault(entraAnswer(number), presented)
      const says =
        message.replace(/^Entra refused the exchange: /, '').split('. Presented')[0] ?? ''
      return [
        `AADSTS${number}`,
        escapeText(says.replace(/ \(“.*”\)$/, '')),
        `[\`${code}\`](reference/faults.md#${code})`,
        escapeText(hint),
      ]
    })
  return writeTable(['number', 'means', 'code', 'what to do'], rows)
}

/** What the error codes of storage mean. */
export function writeStorageCodes(): string {
  const parsed = { status: 400, message: '', detail: '', header: '', tenant: '' }
  const rows = knownCodes.toSorted().map((name) => {
    const { code, says, hint } = readingOf({ ...parsed, code: name }, 'container')
    const words = says({ ...parsed, code: name }, { container: '…', host: '…' })
    return [
      `\`${name}\``,
      escapeText(words.replace(`: ${name}`, '').replace(` (${name})`, '')),
      `[\`${code}\`](reference/faults.md#${code})`,
      escapeText(hint ?? faults[code].hint),
    ]
  })
  return writeTable(['storage says', 'means', 'code', 'what to do'], rows)
}

const presented = { authorityHost: '…', clientId: '…', tenantId: '…', assertion: new Secret('') }

function entraAnswer(number: number) {
  const body = { error: 'invalid_client', error_codes: [number], error_description: '' }
  return { status: 401, headers: {}, body: Buffer.from(JSON.stringify(body)) }
}

// Those thrown in the sources, and those that Entra's and storage's answers are turned into.
function findAllSentences(): Map<string, string[]> {
  const found = findSentences()
  const add = (code: string, sentence: string) => {
    const known = found.get(code) ?? []
    if (!known.includes(sentence)) found.set(code, [...known, sentence])
  }
  const source = readFileSync('src/azure/entra-faults.ts', 'utf8')
  for (const match of source.matchAll(/code: '(\w+)',\s+trouble: '\w+',\s+says: '([^']+)'/g)) {
    add(match[1] ?? '', `Entra refused the exchange: ${match[2]}. Presented to application …`)
  }
  const parsed = { status: 400, message: '', detail: '', header: '', tenant: '' }
  for (const name of knownCodes) {
    const { code, says } = readingOf({ ...parsed, code: name }, 'container')
    const words = says({ ...parsed, code: name }, { container: '…', host: '…' })
    add(code, `Could not …: ${words.replace(name, '…')}`)
  }
  return found
}

function roomOf(code: string): string {
  const room = code.split('_')[0] ?? ''
  return rooms[room] ?? room
}

function sortKey(sentence: string): string {
  return sentence.replaceAll(/[^\p{L}\p{N} ]/gu, '').trim()
}

// Text as it stands, not as Markdown would have it.
function escapeText(text: string): string {
  return text
    .replaceAll(/`[^`]*`|[<>*_[\]\\]/g, (part) => (part.startsWith('`') ? part : `\\${part}`))
    .trim()
}
