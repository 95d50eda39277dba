// Whether a name is written, by what is at the target already and by the sums kept there: times are
// looked at only where somebody asked for that.
import type { Overwrite } from '../job.ts'
import type { Attributes, Properties, RemoteFile } from '../remote.ts'
import type { MoveReason } from './plan.ts'

const texts = [
  'contentType',
  'contentEncoding',
  'contentLanguage',
  'contentDisposition',
  'cacheControl',
] as const

/** What is at a name already. */
export type Existing = { modifiedAtMs: number }

/** Write for a reason, keep for a reason, or look at the content first. */
export type Verdict =
  | { is: 'write'; why: MoveReason }
  | { is: 'keep'; why: 'exists' | 'newer' }
  | { is: 'compare' }
  | { is: 'clash' }

/** What the overwrite policy says before any content is looked at. */
export function judge(
  overwrite: Overwrite,
  source: Existing,
  target: Existing | undefined,
): Verdict {
  if (overwrite === 'always') return { is: 'write', why: target ? 'always' : 'new' }
  if (target === undefined) return { is: 'write', why: 'new' }
  if (overwrite === 'never') return { is: 'keep', why: 'exists' }
  if (overwrite === 'error') return { is: 'clash' }
  if (overwrite === 'changed') return { is: 'compare' }
  return source.modifiedAtMs > target.modifiedAtMs
    ? { is: 'write', why: 'newer' }
    : { is: 'keep', why: 'newer' }
}

/** The time of change that counts: the kept one, else the service's. */
export function toExisting({ attributes, modifiedAtMs }: RemoteFile): Existing {
  return { modifiedAtMs: attributes.modifiedAtMs ?? modifiedAtMs }
}

/** The sum to compute of a file on disk to know whether it is this remote content; undefined: none is kept. */
export function chooseDigest(
  { digests }: RemoteFile,
  { isUnpacked }: { isUnpacked: boolean },
): { kind: 'crc64' | 'md5'; kept: string } | undefined {
  const crc64 = isUnpacked ? digests.sourceCrc64 : digests.crc64
  if (crc64 !== undefined) return { kind: 'crc64', kept: crc64 }
  if (!isUnpacked && digests.md5 !== undefined) return { kind: 'md5', kept: digests.md5 }
  return undefined
}

/** Whether everything wanted beside the content is there; tags, which listings do not show, count as there. */
export function isSameBeside(
  want: { properties: Properties; attributes: Attributes },
  { properties: have, attributes }: RemoteFile,
): boolean {
  const { properties } = want
  return (
    texts.every((name) => (properties[name] ?? '') === (have[name] ?? '')) &&
    (properties.tier === undefined || properties.tier === have.tier) &&
    isSameRecord(properties.metadata, have.metadata) &&
    (Object.keys(have.tags).length === 0 || isSameRecord(properties.tags, have.tags)) &&
    hasKept(attributes, want.attributes)
  )
}

// Every checkout of a build has new times: one that is kept already is good enough for the same content.
function hasKept(have: Attributes, { mode, modifiedAtMs }: Attributes): boolean {
  const hasTime = modifiedAtMs === undefined || have.modifiedAtMs !== undefined
  return (
    hasTime &&
    (mode === undefined || (have.mode !== undefined && (mode & 0o777) === (have.mode & 0o777)))
  )
}

function isSameRecord(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
