// A trace as a timeline for a terminal: from the push to the last call, who said what, and where it is on
// record.
import type { AzureCall } from './azure-calls.ts'
import type { Trace } from './find-trace.ts'
import type { Query } from './kql.ts'
import { showBytes } from './sentence.ts'
import type { BlobSighting, StoryItem, TrailBuild, TrailReceipt } from './trail.ts'

/** What is shown beside the story. */
export type Shown = {
  queries?: readonly Query[]
  /** Calls as Azure logged them; undefined when nobody asked. */
  calls?: readonly AzureCall[]
  /** What storage says of a file now. */
  now?: string
}

const bar = '│'

/** The lines of a trace. */
export function traceLines(trace: Trace, { queries = [], calls, now }: Shown = {}): string[] {
  const { story, sightings = [], nearby = [] } = trace
  const { build, items } = story
  const [named] = sightings
  const [near] = nearby
  return [
    ...(named ? blobLines(named, sightings.length, now) : []),
    ...(!named && near
      ? [
          'No receipt names this file; the last step that wrote where it is:',
          `  ${near.build.repo}#${near.build.number}, ${near.action} of ${near.files} files at ${showTime(near.at)}`,
          '',
        ]
      : []),
    ...headLines(build),
    '',
    ...items.flatMap((item, index) => itemLines(item, items[index - 1])),
    `└─ ${endOf(build)}`,
    ...(calls ? ['', ...callLines(calls)] : []),
    ...queries.flatMap(({ name, shows, text }) => [
      '',
      `KQL, ${name}: ${shows}`,
      ...text.split('\n').map((line) => `    ${line}`),
    ]),
  ]
}

function blobLines({ item, at, step, place }: BlobSighting, count: number, now?: string): string[] {
  const etag = item.etag === undefined ? '' : `, ETag ${item.etag}`
  const who = step === undefined ? 'a step' : `the step “${step}”`
  return [
    `${place.account}/${place.container}/${plain(item.name)}`,
    `  written ${showTime(at)} by ${plain(who)}, ${showBytes(item.bytes)}${plain(etag)}`,
    ...(count > 1 ? [`  ${count - 1} receipt(s) before that name it too`] : []),
    ...(now === undefined ? [] : [`  ${now}`]),
    '',
  ]
}

function headLines(build: TrailBuild): string[] {
  const from =
    build.sourceRepo !== '' && build.sourceRepo !== build.repo ? ` from ${build.sourceRepo}` : ''
  const trust = build.class === undefined ? '' : `, trusted as ${build.class}`
  return [
    `${build.repo}#${build.number}   ${build.event} of ${build.ref}${from}${trust}`,
    `  commit  ${build.sha}`,
    `  by      ${build.sender || build.trigger || 'nobody named'}${build.trigger === '@hook' ? '' : ` (${build.trigger})`}`,
    `  at      ${build.instance}, build id ${build.id}`,
    `  trace   ${build.trace}`,
  ].map((line) => plain(line))
}

const signs = { allow: '●', deny: '✗', info: '○' } as const
const speakers = { service: '', ci: ', said by the CI server', step: ', said by the step' } as const

function itemLines(item: StoryItem, before: StoryItem | undefined): string[] {
  const day = item.at.toISOString().slice(0, 10)
  const isNewDay = before?.at.toISOString().slice(0, 10) !== day
  const { rule, subject, token, azure, receipt, reasons = [], record } = item
  const facts = [
    ...(rule === undefined ? [] : [`rule     ${rule}`]),
    ...(subject === undefined ? [] : [`subject  ${subject}`]),
    ...reasons.map((reason) => `reason   ${reason}`),
    ...(token?.jti === undefined ? [] : [`jti      ${token.jti}`]),
    ...(token?.sha256 === undefined ? [] : [`token    sha256 ${token.sha256} (${token.kind})`]),
    ...(azure ? [`azure    client ${azure.clientId} in tenant ${azure.tenant}`] : []),
    ...(receipt ? receiptLines(receipt) : []),
    `record   ${record.node} ${record.seq}${speakers[item.saidBy]}`,
  ]
  return [
    ...(isNewDay ? [`┌─ ${day}`] : []),
    `${signs[item.decision]}  ${item.at.toISOString().slice(11, 19)}  ${item.what}  ${plain(item.sentence)}`,
    ...facts.map((fact) => `${bar}            ${plain(fact)}`),
  ]
}

const shownItems = 5

function receiptLines(receipt: TrailReceipt): string[] {
  const { accessTokenSha256, correlationIds, requestIdPrefix, items, itemsSha256 } = receipt
  const rest = items.length - shownItems
  return [
    ...accessTokenSha256.map((hash) => `storage  sha256 ${hash} (AuthenticationHash)`),
    ...correlationIds.map((id) => `entra    correlation id ${id}`),
    ...(requestIdPrefix === undefined
      ? []
      : [`calls    x-ms-client-request-id ${requestIdPrefix}-…`]),
    ...items
      .slice(0, shownItems)
      .map(({ name, etag = '', bytes }) => `file     ${name}  ${showBytes(bytes)}  ${etag}`),
    ...(rest > 0 ? [`         and ${rest} more (--json shows all)`] : []),
    ...(itemsSha256 === undefined
      ? []
      : [`files    sha256 ${itemsSha256} over all names and ETags`]),
  ]
}

function endOf({ endedAt, status }: TrailBuild): string {
  if (!endedAt) return 'The CI server has not said yet that the build is over.'
  return plain(`ended ${showTime(endedAt)}: ${status}`)
}

const shownCalls = 200

function callLines(calls: readonly AzureCall[]): string[] {
  if (calls.length === 0) {
    return [
      'Azure has logged no such call (yet: logs come minutes late, and only where diagnostic settings write them).',
    ]
  }
  const rest = calls.length - shownCalls
  return [
    `Azure logged ${calls.length} ${calls.length === 1 ? 'call' : 'calls'}:`,
    ...calls
      .slice(0, shownCalls)
      .map(({ at, status, operation, uri, callerIp }) =>
        plain(
          `  ${at.toISOString().slice(11, 23)}  ${status}  ${operation.padEnd(18)} ${uri.replace(/\?.*$/s, '')}  ${callerIp}`,
        ),
      ),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ]
}

function showTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

// What builds and steps are called goes to a terminal: no control characters.
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')
}
