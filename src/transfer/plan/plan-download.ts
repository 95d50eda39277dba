// Finds the files of a download, names them on disk, and compares them with what is there.
import { lstatSync, readlinkSync, type Stats } from 'node:fs'

import { crc64Of } from '../crc64/crc64.ts'
import type { DownloadJob } from '../job.ts'
import { hasAttributes } from '../local/attributes.ts'
import { findFiles } from '../local/find.ts'
import { toSafeSegments } from '../local/paths.ts'
import { isPartName } from '../local/write-leftovers.ts'
import { digestFile } from '../move/checksum.ts'
import { isUnpacked } from '../move/download-unpacked.ts'
import { assertRunning } from '../move/halt.ts'
import type { RemoteFile } from '../remote.ts'
import { assertNoFolderClash, nameFiles } from '../select/naming.ts'
import { findRemote } from '../select/remote-find.ts'
import { joinName, lastSegment, requireFiles, unescapeGlob } from '../select/select.ts'
import { chooseDigest, judge, toExisting } from './compare.ts'
import {
  assertNoClash,
  assertRemovals,
  assertSourceForDeletes,
  createIsExtra,
} from './plan-extras.ts'
import { completeStates } from './plan-target.ts'
import { addParents, type PlanDeps } from './plan-upload.ts'
import { type Plan, type Step, toPlan } from './plan.ts'

type Wanted = { remote: RemoteFile; segments: string[]; path: string }

const yieldEvery = 128

/** Plans a download; throws for nothing to do, unsafe names, clashes and too many removals. */
export async function planDownload(deps: PlanDeps, job: DownloadJob): Promise<Plan<DownloadJob>> {
  const { found, skipped } = await findRemote(deps.remote, job.select)
  if (job.deletes) assertSourceForDeletes(found.length, job.select)
  const warning = requireFiles(found.length, job.select, skipped)
  const { target } = job.naming
  const named = nameFiles(found, { ...job.naming, target: '' })
  assertNoFolderClash(named)
  const wanted = named.map(({ file, name }): Wanted => {
    const segments = toSafeSegments(name.replace(/\/$/, ''))
    return { remote: file, segments, path: joinName(target, segments.join('/')) }
  })
  const states = await completeStates(deps, toBeCompared(job, wanted))
  const steps: Step[] = []
  const clashes: string[] = []
  for (const [index, each] of wanted.entries()) {
    const remote = states.get(each.remote.name) ?? each.remote
    const step = await toStep(deps, job, { ...each, remote })
    if (step) steps.push(step)
    else clashes.push(each.segments.join('/'))
    if (index % yieldEvery === yieldEvery - 1) {
      assertRunning(deps.halt)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  assertNoClash(clashes, wanted.length)
  if (job.deletes) steps.push(...(await toDeletions(job, wanted)))
  return toPlan(job, steps, { skipped, warning })
}

function toBeCompared({ overwrite }: DownloadJob, wanted: readonly Wanted[]): RemoteFile[] {
  if (overwrite !== 'changed' && overwrite !== 'newer') return []
  return wanted
    .filter(({ remote, path }) => remote.kind !== 'folder' && isThere(path))
    .map(({ remote }) => remote)
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

async function toStep(deps: PlanDeps, job: DownloadJob, wanted: Wanted): Promise<Step | undefined> {
  const { remote, segments, path } = wanted
  const { name, sizeBytes } = remote
  const there = job.overwrite === 'always' ? undefined : lstatSync(path, { throwIfNoEntry: false })
  if (remote.kind === 'folder') {
    if (there?.isDirectory()) return { kind: 'keep', name, sizeBytes: 0, why: 'same' }
    return { kind: 'folder', name, sizeBytes: 0, why: 'new', to: { side: 'local', segments } }
  }
  const existing = there && { modifiedAtMs: there.mtimeMs }
  const verdict = judge(job.overwrite, toExisting(remote), existing)
  if (verdict.is === 'clash') return undefined
  if (verdict.is === 'keep') return { kind: 'keep', name, sizeBytes, why: verdict.why }
  if (verdict.is === 'compare' && there && (await isSameContent(deps, job, wanted, there))) {
    return toSetOrKeep(job, wanted, there)
  }
  const reason = verdict.is === 'write' ? verdict.why : 'changed'
  const why = job.overwrite === 'always' ? 'always' : reason
  if (remote.kind === 'link') {
    return { kind: 'link', name, sizeBytes, why, to: { side: 'local', segments, remote } }
  }
  return { kind: 'fetch', name, segments, sizeBytes, why, remote }
}

async function isSameContent(
  { pool }: PlanDeps,
  job: DownloadJob,
  { remote, path }: Wanted,
  there: Stats,
): Promise<boolean> {
  const unpacks = isUnpacked(job, remote)
  const digest = chooseDigest(remote, { isUnpacked: unpacks })
  if (digest === undefined) return false
  if (remote.kind === 'link') {
    if (!there.isSymbolicLink() || digest.kind !== 'crc64') return false
    return crc64Of(Buffer.from(readlinkSync(path))) === digest.kept
  }
  if (!there.isFile() || (!unpacks && there.size !== remote.sizeBytes)) return false
  const source = { path, sizeBytes: there.size }
  return (await digestFile(pool, source, digest.kind)) === digest.kept
}

function toSetOrKeep(job: DownloadJob, { remote, path }: Wanted, there: Stats): Step {
  const { name, sizeBytes, attributes } = remote
  const has = { mode: there.mode, modifiedAtMs: there.mtimeMs }
  if (!job.preserve || remote.kind === 'link' || hasAttributes(has, attributes)) {
    return { kind: 'keep', name, sizeBytes, why: 'same' }
  }
  return {
    kind: 'set',
    name,
    sizeBytes,
    why: 'properties',
    to: { side: 'local', path, attributes },
  }
}

async function toDeletions(job: DownloadJob, wanted: readonly Wanted[]): Promise<Step[]> {
  const names = new Set<string>()
  const needed = new Set<string>()
  const remoteNames = new Set<string>()
  for (const { segments, remote } of wanted) {
    const below = segments.join('/')
    names.add(below)
    remoteNames.add(remote.name)
    addParents(needed, below)
    if (remote.kind === 'folder') needed.add(below)
  }
  const isExtra = await createIsExtra(job, {
    isSingle: ({ literal }) => remoteNames.has(unescapeGlob(literal)),
    absolute: (path) => path.replace(/^\/+/, ''),
  })
  const local = await findFiles(wholeOf(job.naming.target))
  const extras = local.found.filter(({ below }) => {
    const isGone = !names.has(below) && isExtra(below) && !isPartName(lastSegment(below))
    if (!isGone) addParents(needed, below)
    return isGone
  })
  const emptied = new Set<string>()
  for (const { below } of extras) addParents(emptied, below)
  assertRemovals(extras.length, job.maxDelete)
  return [
    ...extras.map(({ below, kind, sizeBytes }) => toDeletion(below, kind, sizeBytes)),
    ...[...emptied]
      .filter((each) => !needed.has(each))
      .map((each) => toDeletion(each, 'folder', 0)),
  ]
}

function toDeletion(below: string, fileKind: RemoteFile['kind'], sizeBytes: number): Step {
  const segments = below.split('/')
  return { kind: 'delete', name: below, sizeBytes, why: 'extra', segments, fileKind }
}

function wholeOf(folder: string): DownloadJob['select'] {
  return {
    sources: [
      folder === '' ? '.' : folder.replaceAll(/(?<escaped>[*?[\]{}()!+@\\])/g, '\\$<escaped>'),
    ],
    include: [],
    exclude: [],
    dotfiles: true,
    caseSensitive: true,
    symlinks: 'keep',
    emptyFolders: false,
    ifNoFiles: 'ignore',
  }
}
