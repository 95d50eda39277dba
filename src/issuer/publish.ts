// Writes the public documents of every issuer where a web server or a blob site serves them: keys
// first and discovery after, each whole or not at all, and never fewer keys than tokens may need.
import type { JWK } from 'jose'

import { Fault } from '../core/fault.ts'
import type { RecordKeyEvents } from '../keys/place-signer.ts'
import type { Ring } from '../keys/ring.ts'
import { discoveryDocument, discoveryPath, issuerOf, jwksPath, keySet } from './discovery.ts'
import type { Place } from './place.ts'
import { keysOf, parseObject } from './published.ts'

/** What to publish, read again after writing: the ring may have moved meanwhile. */
export type KeySource = {
  publicKeys(): readonly JWK[]
  ring(): Ring
  refresh(): Promise<boolean>
}

/** Whose documents, and which kids may go although nobody knows them as over. */
export type Publication = {
  issuerUrl: string
  instances: Iterable<string>
  drop?: readonly string[]
}

/** What was written: every issuer, and the kids of its key set in order. */
export type PublishReport = { issuers: readonly string[]; kids: readonly string[] }

const mostRounds = 3

/** Publishes to a place; throws issuer_publish_* and what `record` throws, before anything is written. */
export async function publish(
  deps: { place: Place; keys: KeySource; record?: RecordKeyEvents },
  publication: Publication,
): Promise<PublishReport> {
  const { place, keys } = deps
  const issuers = [...publication.instances].map((name) => issuerOf(publication.issuerUrl, name))
  for (let round = 1; ; round += 1) {
    const set = keys.publicKeys()
    await writeAll(deps, issuers, set, publication.drop ?? [])
    const isMoved = (await keys.refresh()) && kidsOf(keys.publicKeys()) !== kidsOf(set)
    if (!isMoved) return { issuers, kids: set.map(({ kid }) => kid ?? '') }
    if (round === mostRounds) {
      const why = `The keys changed ${mostRounds} times while they were published to ${place.name}.`
      throw new Fault('issuer_publish_failed', why)
    }
  }
}

async function writeAll(
  { place, keys, record }: { place: Place; keys: KeySource; record?: RecordKeyEvents },
  issuers: readonly string[],
  set: readonly JWK[],
  drop: readonly string[],
): Promise<void> {
  const paths = issuers.map((issuer) => new URL(issuer).pathname)
  const before = await Promise.all(
    paths.map(async (path) => readKids(await place.read(`${path}${jwksPath}`))),
  )
  refuseNarrowing(place, keys.ring(), before.flat(), set, drop)
  const added = set.filter(({ kid = '' }) => before.some((kids) => !kids.includes(kid)))
  const why = `Written to ${place.name}.`
  if (added.length > 0) {
    await record?.(added.map(({ kid = '' }) => ({ what: 'published', kid, why })))
  }
  await Promise.all(paths.map((path) => place.write(`${path}${jwksPath}`, toJson(keySet(set)))))
  await Promise.all(
    issuers.map((issuer, index) =>
      place.write(`${paths[index] ?? ''}${discoveryPath}`, toJson(discoveryDocument(issuer))),
    ),
  )
}

// A key that is there and is not known to be over may be one that a live token needs.
function refuseNarrowing(
  place: Place,
  ring: Ring,
  before: readonly string[],
  set: readonly JWK[],
  drop: readonly string[],
): void {
  const isOver = (kid: string) =>
    ring.some((key) => key.kid === kid && (key.state === 'revoked' || key.state === 'removed'))
  const lost = [...new Set(before)].filter(
    (kid) => !set.some((key) => key.kid === kid) && !isOver(kid) && !drop.includes(kid),
  )
  if (lost.length === 0) return
  throw new Fault(
    'issuer_publish_narrows',
    `${place.name} has ${lost.length} key(s) that this key file does not know, and tokens of theirs may be alive: ${lost.join(', ')}.`,
  )
}

function readKids(text: string | undefined): string[] {
  const json = text === undefined ? undefined : parseObject(text)
  const keys = json && keysOf({ trouble: '', json })
  return (keys ?? []).map(({ kid }) => String(kid))
}

function kidsOf(set: readonly JWK[]): string {
  return set.map(({ kid }) => kid).join(' ')
}

function toJson(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`
}
