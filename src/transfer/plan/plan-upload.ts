// Finds the files of an upload, names them, and compares them with what the target has.
import { resolve as toAbsolute } from 'node:path'

import { crc64Of } from '../crc64/crc64.ts'
import type { EngineDeps } from '../engine-deps.ts'
import type { Compression, UploadJob } from '../job.ts'
import { findFiles, type LocalFile } from '../local/find.ts'
import type { BufferPool } from '../move/buffers.ts'
import { digestFile } from '../move/checksum.ts'
import { assertRunning } from '../move/halt.ts'
import type { Attributes, Condition, Properties, RemoteFile } from '../remote.ts'
import { takeCompressed } from '../rules/rules-siblings.ts'
import { createRules } from '../rules/rules.ts'
import { assertNoFolderClash, nameFiles } from '../select/naming.ts'
import { joinName, requireFiles } from '../select/select.ts'
import { chooseDigest, isSameBeside, judge, toExisting, type Verdict } from './compare.ts'
import {
  assertNoClash,
  assertRemovals,
  assertSourceForDeletes,
  createIsExtra,
} from './plan-extras.ts'
import { completeStates, lookUpTarget, type Target } from './plan-target.ts'
import { type Plan, type Step, toPlan } from './plan.ts'

/** What planning needs beside the engine's own. */
export type PlanDeps = EngineDeps & { pool: BufferPool }

type Sendable = LocalFile & { encoding?: Compression }

type Wanted = {
  file: LocalFile
  name: string
  properties: Properties
  attributes: Attributes
  compress?: Compression
}

// Sums of small files are computed in this thread; now and then it is left to others.
const yieldEvery = 128

/** Plans an upload; throws for nothing to do, for clashes and for too many removals. */
export async function planUpload(deps: PlanDeps, job: UploadJob): Promise<Plan<UploadJob>> {
  const { found: all, skipped } = await findFiles(job.select)
  const found: Sendable[] = job.precompressed ? takeCompressed(all) : all
  if (job.deletes) assertSourceForDeletes(found.length, job.select)
  const warning = requireFiles(found.length, job.select, skipped)
  const chosen = createRules(job.rules, job.select)
  const named = nameFiles(found, job.naming)
  // Blob Storage keeps `a` and `a/b` side by side, a file share does not.
  if (deps.remote.kind === 'files') assertNoFolderClash(named, deps.remote.foldName)
  const wanted = named.map(({ file, name }): Wanted => {
    deps.remote.assertName(name)
    const attributes = toAttributes(job, file)
    return { file, name, attributes, ...chosen(file.below, file.encoding) }
  })
  const target = await lookUp(deps, job, wanted)
  const states = await completeStates(deps, toBeCompared(job, wanted, target))
  const steps: Step[] = []
  const clashes: string[] = []
  for (const [index, each] of wanted.entries()) {
    const existing = states.get(each.name) ?? target.known.get(each.name)
    const step = await toStep(deps, job, each, existing)
    if (step) steps.push(step)
    else clashes.push(each.name)
    if (index % yieldEvery === yieldEvery - 1) {
      assertRunning(deps.halt)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  assertNoClash(clashes, wanted.length)
  if (job.deletes) steps.push(...(await toRemovals(job, wanted, target)))
  return toPlan(job, steps, { skipped, warning })
}

function toAttributes(job: UploadJob, { mode, modifiedAtMs, linkTarget }: LocalFile): Attributes {
  return {
    ...(job.preserve && { mode, modifiedAtMs }),
    ...(linkTarget !== undefined && { linkTarget }),
  }
}

// Nothing at the target makes a difference, so nobody looks there.
function isUnseen({ overwrite, deletes }: UploadJob): boolean {
  return overwrite === 'always' && !deletes
}

async function lookUp(deps: PlanDeps, job: UploadJob, wanted: readonly Wanted[]): Promise<Target> {
  const names = wanted.map(({ name }) => name)
  if (job.deletes) return lookUpTarget(deps, names, toFront(job))
  // Then the conditions of the writes say all there is to know, without a question before.
  if (isUnseen(job) || names.length === 0) return { known: new Map(), others: [] }
  return lookUpTarget(deps, names, undefined)
}

// What can be told from the length alone needs no more than the listing.
function toBeCompared({ overwrite }: UploadJob, wanted: readonly Wanted[], { known }: Target) {
  if (overwrite !== 'changed' && overwrite !== 'newer') return []
  return wanted.flatMap(({ file, name, compress }) => {
    const existing = known.get(name)
    if (!existing || file.kind === 'folder') return []
    const mayBeSame = compress !== undefined || file.sizeBytes === existing.sizeBytes
    return overwrite === 'newer' || mayBeSame ? [existing] : []
  })
}

// The prefix of all names: `nameFiles` takes the same off the target.
function toFront({ naming }: UploadJob): string {
  const target = naming.target.replace(/^(\.?\/+)+|^\.$/, '').replace(/\/+$/, '')
  return target === '' ? '' : joinName(target, '')
}

async function toStep(
  deps: PlanDeps,
  job: UploadJob,
  wanted: Wanted,
  existing: RemoteFile | undefined,
): Promise<Step | undefined> {
  const { file, name, properties, attributes } = wanted
  const { sizeBytes } = file
  if (file.kind === 'folder') {
    if (existing) return { kind: 'keep', name, sizeBytes: 0, why: 'same' }
    const write = { properties, attributes, digests: {}, condition: { kind: 'none' } as const }
    return { kind: 'folder', name, sizeBytes: 0, why: 'new', to: { side: 'remote', write } }
  }
  let verdict = judge(job.overwrite, file, existing && toExisting(existing))
  if (verdict.is === 'compare' && existing) {
    const isSame = await isSameContent(deps, wanted, existing)
    if (isSame) return toSetOrKeep(wanted, existing)
    verdict = { is: 'write', why: 'changed' }
  }
  if (verdict.is === 'keep') return { kind: 'keep', name, sizeBytes, why: verdict.why }
  if (verdict.is !== 'write') return undefined
  return toMove(job, wanted, verdict, existing)
}

function toMove(
  job: UploadJob,
  { file, name, properties, attributes, compress }: Wanted,
  { why }: Verdict & { is: 'write' },
  existing: RemoteFile | undefined,
): Step {
  const condition = toCondition(job, existing)
  const base = { name, sizeBytes: file.sizeBytes, why: isUnseen(job) ? ('always' as const) : why }
  if (file.kind === 'link') {
    const write = { properties, attributes, condition }
    const to = { side: 'remote', linkTarget: file.linkTarget ?? '', write } as const
    return { ...base, kind: 'link', to }
  }
  return {
    ...base,
    kind: 'send',
    path: file.path,
    condition,
    properties,
    attributes,
    ...(compress && { compress }),
  }
}

// What was decided from the listing holds only for what was listed.
function toCondition({ overwrite }: UploadJob, existing: RemoteFile | undefined): Condition {
  if (overwrite === 'always') return { kind: 'none' }
  return existing ? { kind: 'match', etag: existing.etag } : { kind: 'absent' }
}

async function isSameContent(
  { pool }: PlanDeps,
  { file, compress }: Wanted,
  existing: RemoteFile,
): Promise<boolean> {
  if (file.kind !== existing.kind) return false
  if (compress === undefined && file.sizeBytes !== existing.sizeBytes) return false
  const digest = chooseDigest(existing, { isUnpacked: compress !== undefined })
  if (digest === undefined) return false
  if (file.kind === 'link') {
    return digest.kind === 'crc64' && crc64Of(Buffer.from(file.linkTarget ?? '')) === digest.kept
  }
  return (await digestFile(pool, file, digest.kind)) === digest.kept
}

function toSetOrKeep({ file, name, properties, attributes }: Wanted, existing: RemoteFile): Step {
  const { sizeBytes } = file
  if (isSameBeside({ properties, attributes }, existing)) {
    return { kind: 'keep', name, sizeBytes, why: 'same' }
  }
  const condition = { kind: 'match', etag: existing.etag } as const
  const write = { properties, attributes, digests: existing.digests, condition }
  return { kind: 'set', name, sizeBytes, why: 'properties', to: { side: 'remote', write } }
}

async function toRemovals(
  job: UploadJob,
  wanted: readonly Wanted[],
  { others }: Target,
): Promise<Step[]> {
  const paths = new Set(wanted.map(({ file }) => file.path))
  const isExtra = await createIsExtra(job, {
    isSingle: ({ literal }) => paths.has(literal),
    absolute: (path) => toAbsolute(path),
  })
  const frontLength = toFront(job).length
  const needed = new Set<string>()
  const extras: RemoteFile[] = []
  for (const { name } of wanted) addParents(needed, name)
  for (const file of others) {
    if (isExtra(file.name.slice(frontLength).replace(/\/$/, ''))) extras.push(file)
    else addParents(needed, file.name)
  }
  // A folder stays as long as something in it stays.
  const gone = extras.filter(({ kind, name }) => kind !== 'folder' || !needed.has(name))
  assertRemovals(gone.filter(({ kind }) => kind !== 'folder').length, job.maxDelete)
  return gone.map(({ name, sizeBytes, kind, etag }) => ({
    kind: 'remove',
    name,
    sizeBytes,
    why: 'extra',
    file: { kind, etag },
  }))
}

/** Adds all folders above a name. */
export function addParents(folders: Set<string>, name: string): void {
  for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
    const folder = name.slice(0, end)
    if (folders.has(folder)) return
    folders.add(folder)
  }
}
