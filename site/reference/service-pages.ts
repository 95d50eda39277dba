// Reference pages of the trust service: configuration, HTTP interface, numbers for monitoring, ledger.
import * as z from 'zod'

import type { EventType } from '../../src/audit/event.ts'
import { deprecatedNames } from '../../src/config/deprecated.ts'
import { fileSchema } from '../../src/config/service-config.ts'
import { createMetricsApp } from '../../src/issuer/metrics.ts'
import { meaningOf } from './configuration-meanings.ts'
import { eventMeanings } from './event-meanings.ts'
import { routes } from './routes.ts'
import { listKeys, type Schema, writeTable } from './schema-table.ts'

/** The page of the configuration; throws when a key has no meaning yet. */
export function writeConfigurationPage(): string {
  const schema = z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }) as Schema
  const rows = listKeys(schema).flatMap(({ path, form, otherwise }) => {
    const meaning = meaningOf(path)
    if (form === 'map' && meaning === undefined) return []
    if (meaning === undefined)
      throw new Error(`${path}: say in configuration-meanings.ts what it means`)
    return [[`\`${path}\``, meaning, form, otherwise]]
  })
  return `# Configuration of the trust service

Every key of the file that \`azure-storage-drone serve --config FILE\` reads, made from the form it is checked
against. \`NAME\` stands for a name of your own. A secret stands in the file by reference only. Every mistake is
told at once, and the service does not start with one. How the parts work together: [the trust service](../service.md).

${writeTable(['key', 'meaning', 'form', 'when left out'], rows)}

## Old names

They work on, with a warning that tells the new name, until the release that refuses them.

${writeTable(
  ['old name', 'new name', 'since', 'refused from'],
  deprecatedNames.map(({ from, to, since, removedIn }) => [
    `\`${from}\``,
    `\`${to}\``,
    since,
    removedIn,
  ]),
)}
`
}

/** The page of the HTTP interface. */
export function writeApiPage(): string {
  const doors = Map.groupBy(routes, ({ door }) => door)
  const chapters = [...doors].map(
    ([door, some]) =>
      `## ${doorWords[door]}\n\n${writeTable(
        ['route', 'who calls, and how it proves itself', 'what it does'],
        some.map(({ method, path, caller, what }) => [`\`${method} ${path}\``, caller, what]),
      )}`,
  )
  return `# HTTP interface

The routes of the trust service by door; each door is a listener of its own. A refusal is problem details
(RFC 9457, \`application/problem+json\`) with \`code\`, \`detail\` and \`hint\` of [the fault](faults.md).

${chapters.join('\n\n')}
`
}

const doorWords = {
  ci: 'The door for CI (`listen.ci`)',
  steps: 'The door for steps (`listen.steps`)',
  public: 'The public door (`listen.public`)',
  admin: 'The door for people (`listen.admin`)',
} as const

/** The page of the numbers for monitoring, as the service itself serves them. */
export async function writeMetricsPage(): Promise<string> {
  const app = createMetricsApp({
    counts: new Map([['type="token.issued",decision="allow"', 1]]),
    policy: () => ({ entries: 1, loadedAt: new Date(0), sha256: '' }) as never,
    unreadyReasons: () => [],
    reviews: { ageSeconds: () => 1 },
  })
  const text = await (await app.request('/metrics')).text()
  const rows = [
    ...text.matchAll(/^# HELP (\S+) (.+)\n# TYPE \S+ (\w+)\n\S*?(\{\S*\})?(?= )/gm),
  ].map(([, name = '', help = '', type = '', labels]) => [
    `\`${name}\``,
    type,
    labels === undefined ? '' : '`type`, `decision`',
    help,
  ])
  return `# Metrics

\`GET /metrics\` at the door for CI, in Prometheus' text format. The values of \`type\` are the
[events of the ledger](events.md); \`decision\` is \`allow\`, \`deny\`, \`info\`, or \`unrecorded\` for an event that the ledger
did not take.

${writeTable(['name', 'type', 'labels', 'meaning'], rows)}
`
}

/** The page of the ledger's events. */
export function writeEventsPage(): string {
  const kinds = Object.keys(eventMeanings) as EventType[]
  return `# Events of the ledger

One record for each event, JSON in canonical form (RFC 8785), with the hash of the record before it. Every record has
\`v\`, \`node\`, \`seq\`, \`ts\`, \`type\`, \`decision\` (\`allow\`, \`deny\` or \`info\`), \`prev\` and \`hash\`; a record about a build has \`trace\`, the
same 32 hex digits in all records of the build. Tokens appear as SHA-256 only.

${writeTable(
  ['event', 'when'],
  kinds.map((kind) => [`\`${kind}\``, eventMeanings[kind]]),
)}
`
}
