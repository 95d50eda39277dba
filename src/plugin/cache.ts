// Restores and saves caches as a step. A build can do without its cache, so trouble on the way is a warning;
// what would be a wrong or poisoned cache ends the step. Loaded only for these actions.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { openCacheStore } from '../cache/open-store.ts'
import type { StateFile } from '../cache/pack/state.ts'
import { type CacheDeps, restoreCache, type RestoreWish } from '../cache/restore.ts'
import { saveCache, type SaveWish } from '../cache/save.ts'
import { Fault } from '../core/fault.ts'
import { createSlots } from '../transfer/move/slots.ts'
import {
  machineName,
  readFolder,
  readScopes,
  readWish,
  stateFileOf,
  type Workspace,
} from './cache-facts.ts'
import { keepHouse } from './cache-house.ts'
import { readContext } from './context.ts'
import { openRemote, type PlaceDeps } from './place.ts'
import { showBytes, showCount, showNumber } from './report.ts'
import type { CacheResult, Result } from './result.ts'
import type { CacheJob } from './settings/cache.ts'
import type { Transfer } from './settings/transfer.ts'

/** The means of a step, but for room on the wire; and where it runs. */
export type CacheStep = Omit<PlaceDeps, 'slots'> & { workspace: Workspace }

// Calls for small things at once.
const lanes = 16

/** What a cache action did, in words and numbers. */
export type CacheDone = { files?: number; bytes?: number; place: string; cache: CacheResult }

/** Carries out one cache action. Throws `cache_*`, and what storage refuses. */
export async function performCache(
  step: CacheStep,
  transfer: Transfer,
  job: CacheJob,
): Promise<Omit<Result, 'durationMs'>> {
  const { now, sleep, settings, halt, isBusy } = step
  await step.saveMemory?.()
  const slots = createSlots(
    { now, sleep, stopping: halt.stopping, isBusy },
    { connections: settings.concurrency, bytes: settings.memoryBytes / 2 },
  )
  const remote = await openRemote({ ...step, slots }, transfer.place)
  const folder = readFolder(job, step.workspace.env)
  const openScope = (scope: string) => openCacheStore({ remote, slots }, folder + scope)
  const done = await carryOut(step, job, openScope)
  return {
    title: transfer.title,
    action: transfer.action,
    url: openScope('').shown,
    dryRun: false,
    files: 0,
    bytes: 0,
    counts: {},
    failures: [],
    notDone: 0,
    done: [],
    links: [],
    planned: [],
    unproven: [],
    ...done,
  }
}

async function carryOut(
  step: CacheStep,
  job: CacheJob,
  openScope: CacheDeps['openScope'],
): Promise<CacheDone> {
  if (job.action !== 'restore' && job.action !== 'save') {
    return keepHouse({ ...step, openScope, lanes }, job)
  }
  const wish = readWish(job, step.workspace)
  const scopes = readScopes(job, step.workspace.env)
  if (!wish) {
    const note = 'no lock file of a tool that `preset: auto` knows'
    return { place: note, cache: { outcome: 'miss', key: '', note } }
  }
  const deps: CacheDeps = {
    openScope,
    plant: {
      owner: { host: machineName(), pid: step.pid },
      now: step.now,
      isAlive: (pid) => existsSync(`/proc/${pid}`),
    },
    state: openState(wish.roots, step.workspace.folder, step.pid),
    now: step.now,
    newId: step.newId,
    lanes,
    log: step.log,
  }
  const work =
    job.action === 'restore'
      ? restore(deps, { ...wish, scopes, lookupOnly: job.lookupOnly })
      : save(deps, job, { ...wish, scopes }, step.workspace)
  return work.catch((error: unknown) => forgive(step, job, wish.key, error))
}

async function restore(deps: CacheDeps, wish: RestoreWish): Promise<CacheDone> {
  const { key } = wish
  const found = await restoreCache(deps, wish)
  if (found.outcome === 'miss') {
    const note = `nothing is saved under “${key}”${wish.restoreKeys.length > 0 ? ', nor under a key that begins like one of `restore_keys`' : ''}`
    return { place: note, cache: { outcome: 'miss', key, note } }
  }
  const { outcome, hit, restored } = found
  const { document, scope } = hit
  const cache = { outcome, key, matched: document.key, scope, note: '' }
  const from = `“${document.key}” of ${scope.slice(0, -1)}, saved by ${document.savedBy || 'somebody'} at ${document.savedAt}`
  if (!restored) return { place: from, cache: { ...cache, note: `there is ${from}` } }
  const { entries, bytes, readBytes, keptFiles } = restored
  const aside = keptFiles > 0 ? `; ${showNumber(keptFiles)} were here already` : ''
  const note = `restored ${from}: ${showCount(entries, 'entry').replace(/entrys$/, 'entries')}, ${showBytes(bytes)}, ${showBytes(readBytes)} read${aside}`
  return { files: entries, bytes, place: from, cache: { ...cache, note } }
}

async function save(
  deps: CacheDeps,
  job: CacheJob,
  wish: Pick<SaveWish, 'key' | 'paths' | 'roots' | 'scopes'>,
  { env }: Workspace,
): Promise<CacheDone> {
  const { key, scopes } = wish
  const skip = (outcome: CacheResult['outcome'], why: string): CacheDone => ({
    place: why,
    cache: { outcome, key, note: `not saved: ${why}` },
  })
  if (scopes.writes === undefined) return skip('none', 'builds of tags save no caches')
  const { status } = readBuild(env)
  if (job.rule !== 'always' && status !== '' && status !== 'success') {
    return skip('none', `the build is a ${status} so far, and \`save\` is “${job.rule}”`)
  }
  const { writes } = scopes
  const { mode, level, rule } = job
  const saving = { ...wish, mode, level, rule, savedBy: readBuild(env).name }
  const done = await saveCache(deps, writes, saving)
  const at = `“${key}” of ${writes.slice(0, -1)}`
  switch (done.outcome) {
    case 'saved': {
      const { entries, bytes, sentBytes, newFiles, special } = done.saved
      const left = special > 0 ? `; ${special} neither file nor folder left out` : ''
      const note = `saved ${at}: ${showCount(entries, 'entry').replace(/entrys$/, 'entries')}, ${showBytes(bytes)}; ${showCount(newFiles, 'new file')}, ${showBytes(sentBytes)} sent${left}`
      return {
        files: entries,
        bytes,
        place: at,
        cache: { outcome: 'saved', key, scope: writes, note },
      }
    }
    case 'there':
      return skip('there', `“${key}” of ${done.hit.scope.slice(0, -1)} is there already`)
    case 'taken':
      return skip('there', `another build saved ${at} at the same time`)
    case 'empty':
      return skip('none', `there is nothing at ${wish.paths.join(', ')}`)
    default:
      return skip('none', 'what was to be named again was collected meanwhile, twice')
  }
}

// A restore that fails on the way is a miss, and a save that does is none.
function forgive(step: CacheStep, job: CacheJob, key: string, error: unknown): CacheDone {
  const isTrouble = error instanceof Fault && error.exitCode === 5 && !step.signal.aborted
  if (!isTrouble || job.failOnMiss) throw error
  step.log(`warning: ${error.message} (${error.code}); the build goes on without its cache`)
  const outcome = job.action === 'restore' ? 'miss' : 'none'
  return { place: '', cache: { outcome, key, note: `not ${job.action}d` } }
}

function readBuild(env: Workspace['env']): { name: string; status: string } {
  const { repository, buildNumber } = readContext(env)
  const name = repository === '' ? '' : `${repository}#${buildNumber}`
  return { name, status: env['DRONE_BUILD_STATUS'] ?? env['CI_PIPELINE_STATUS'] ?? '' }
}

function openState(roots: readonly string[], folder: string, pid: number): StateFile {
  const hash = createHash('sha256').update(JSON.stringify(roots)).digest('hex').slice(0, 32)
  const { inRepository, beside, isUsable } = stateFileOf(roots, folder, hash)
  const file = existsSync(join(folder, '.git', 'HEAD')) ? inRepository : beside
  if (!isUsable) return { read: () => undefined, write: () => undefined }
  return {
    read: () => tryOr(() => readFileSync(file), undefined),
    write: (bytes) =>
      tryOr(() => {
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(`${file}.${pid}`, bytes, { mode: 0o600 })
        renameSync(`${file}.${pid}`, file)
      }, undefined),
  }
}

// It saves time; without it everything is the same, and later.
function tryOr<Value>(work: () => Value, otherwise: Value): Value {
  try {
    return work()
  } catch {
    return otherwise
  }
}
