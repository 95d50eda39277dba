// One transfer of a step from its job to its result: plan, become somebody as late as possible, move,
// say what happened. This file brings in the engine, so it is loaded only when there is work.
import type { Sleep } from '../azure/retry.ts'
import type { TokenSource } from '../azure/token-source.ts'
import { Fault } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import type { HttpClient } from '../http/http.ts'
import type { EngineDeps } from '../transfer/engine-deps.ts'
import { planJob, runPlan } from '../transfer/engine.ts'
import type { DownloadJob, RemoveJob, UploadJob } from '../transfer/job.ts'
import { createHalt, type Halt } from '../transfer/move/halt.ts'
import { createSlots } from '../transfer/move/slots.ts'
import {
  describeStep,
  type Plan,
  type Step as PlanStep,
  type StepKind,
} from '../transfer/plan/plan.ts'
import type { RemoteFile } from '../transfer/remote.ts'
import type { Footprint } from './footprint.ts'
import { makeLinks } from './links.ts'
import { list, verify } from './look.ts'
import { openRemote } from './place.ts'
import { type Progress, type Screen, startProgress } from './progress.ts'
import { type Log, showBytes, showCount, showNumber, skippedLine } from './report.ts'
import type { Result } from './result.ts'
import type { Environment, Settings } from './settings.ts'
import type { CacheJob } from './settings/cache.ts'
import type { Transfer } from './settings/transfer.ts'

// Longer files are moved in pieces that wait outside of the heap until they are swept away.
const longBytes = 8 * 1024 * 1024

/** What carrying out transfers needs: the step's means, made once for all of them. */
export type StepDeps = {
  settings: Settings
  env: Environment
  http: HttpClient
  tokens: TokenSource
  userAgent: string
  /** What the request ids of one transfer's calls have in common; each call has its own without. */
  requestId?: string | undefined
  /** Of the identity the step became. */
  footprint?: Footprint | undefined
  now: Clock
  sleep: Sleep
  random: () => number
  newId: () => string
  pid: number
  /** Whether the process had no time to spare since it was asked last. */
  isBusy?: (() => boolean) | undefined
  /** Is called before long contents are moved, or long listings are read. */
  saveMemory?: (() => Promise<void>) | undefined
  signal: AbortSignal
  /** For people. */
  log: Log
  /** For what was asked for: a listing, the lines of a dry run. */
  print: Log
  onListed?: ((file: RemoteFile) => void) | undefined
  screen?: Screen | undefined
}

/** A result, and the fault that ended it early. */
export type Performed = { result: Result; fault?: Fault }

/** A transfer of files. */
export type FileTransfer = Transfer & { job: Exclude<Transfer['job'], CacheJob> }

/** What the parts of one transfer share. */
export type Task = StepDeps & {
  transfer: FileTransfer
  halt: Halt
  engine: EngineDeps
  result: Result
}

/** Carries out one transfer; a fault that ends it before its files is thrown. */
export async function perform(step: StepDeps, transfer: Transfer): Promise<Result> {
  const halt = createHalt(step, step.signal)
  const startedAt = step.now().getTime()
  try {
    const { job } = transfer
    const result = isOfCache(job)
      ? await performCache({ ...step, halt }, transfer, job)
      : await carryOut(await prepare(step, { ...transfer, job }, halt))
    return { ...result, durationMs: step.now().getTime() - startedAt }
  } finally {
    halt.abort()
  }
}

function isOfCache(job: Transfer['job']): job is CacheJob {
  return 'preset' in job
}

async function performCache(
  step: StepDeps & { halt: Halt },
  transfer: Transfer,
  job: CacheJob,
): Promise<Omit<Result, 'durationMs'>> {
  const cache = await import('./cache.ts')
  const workspace = { folder: process.cwd(), env: step.env, now: step.now() }
  const done = await cache.performCache({ ...step, workspace }, transfer, job)
  if (job.failOnMiss && done.cache?.outcome === 'miss') {
    throw new Fault('cache_absent', `There is no cache: ${done.cache.note}.`)
  }
  return done
}

async function prepare(step: StepDeps, transfer: FileTransfer, halt: Halt): Promise<Task> {
  const { settings, now, sleep, newId, pid } = step
  const slots = createSlots(
    { now, sleep, stopping: halt.stopping, isBusy: step.isBusy },
    // What is paid for here is about half of what it takes in the end: TLS, and pieces that wait to
    // be swept away.
    { connections: settings.concurrency, bytes: settings.memoryBytes / 2 },
  )
  const remote = await openRemote({ ...step, halt, slots }, transfer.place)
  const engine = { remote, slots, halt, newId, pid, now, onBytes: () => undefined }
  return { ...step, transfer, halt, engine, result: emptyResult(transfer, remote.shown) }
}

async function carryOut(task: Task): Promise<Result> {
  const { job } = task.transfer
  switch (job.action) {
    case 'upload':
    case 'download':
    case 'remove':
      return move(task, job)
    case 'list':
      await task.saveMemory?.()
      return list(task, job)
    case 'verify':
      await task.saveMemory?.()
      return verify(task, job)
    default:
      return makeLinks(task, job)
  }
}

async function move(task: Task, job: UploadJob | DownloadJob | RemoveJob): Promise<Result> {
  const { tokens, engine, log } = task
  // A step with nothing to send needs no identity; and trouble with the identity is the step's
  // trouble, not that of its first file.
  const plansAlone = job.action === 'upload' && job.overwrite === 'always' && !job.deletes
  if (!plansAlone) await tokens.get()
  const plan = await planJob(engine, job)
  announce(log, plan)
  if (task.transfer.dryRun) return rehearse(task, plan)
  const moves = plan.steps.some(({ kind }) => kind !== 'keep')
  if (moves && plansAlone) await tokens.get()
  return moves ? run(task, plan) : { ...task.result, counts: countKinds(plan.steps) }
}

async function run(task: Task, plan: Plan): Promise<Result> {
  const { engine, settings, transfer } = task
  if (plan.steps.some(({ sizeBytes }) => sizeBytes > longBytes)) await task.saveMemory?.()
  const files = plan.steps.filter(({ kind }) => isCounted(kind, transfer)).length
  const progress: Progress = startProgress(
    task,
    { bytes: plan.totalBytes, files },
    settings.progress,
  )
  try {
    const outcome = await runPlan(
      {
        ...engine,
        onBytes: progress.addBytes,
        onFile: ({ kind }) => {
          if (isCounted(kind, transfer)) progress.addFile()
        },
      },
      plan,
    )
    const { counts, bytes, failures, notDone, done } = outcome
    return { ...task.result, ...countFiles(counts, transfer), bytes, failures, notDone, done }
  } finally {
    progress.close()
  }
}

function rehearse({ print, result, transfer }: Task, plan: Plan): Result {
  const steps = plan.steps.filter(({ kind }) => kind !== 'keep')
  for (const step of steps) print(describeStep(step))
  return {
    ...result,
    ...countFiles(countKinds(plan.steps), transfer),
    bytes: plan.totalBytes,
    planned: steps.map(({ kind, name, sizeBytes, why }) => ({ kind, name, sizeBytes, why })),
  }
}

function countFiles(
  counts: Partial<Record<StepKind, number>>,
  transfer: Transfer,
): Pick<Result, 'counts' | 'files'> {
  const { send = 0, fetch = 0, remove = 0 } = counts
  return { counts, files: transfer.action === 'remove' ? remove : send + fetch }
}

function countKinds(steps: readonly PlanStep[]): Partial<Record<StepKind, number>> {
  const counts: Partial<Record<StepKind, number>> = {}
  for (const { kind } of steps) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

function isCounted(kind: StepKind, { action }: Transfer): boolean {
  return kind === 'send' || kind === 'fetch' || (action === 'remove' && kind === 'remove')
}

function announce(log: Log, { job, steps, totalBytes, skipped }: Plan): void {
  const counts = countKinds(steps)
  const { send = 0, fetch = 0, set = 0, remove = 0 } = counts
  const gone = remove + (counts.delete ?? 0)
  const parts = [
    ...(job.action === 'remove'
      ? []
      : [`${showCount(send + fetch, 'file')}, ${showBytes(totalBytes)} to ${job.action}`]),
    ...(set > 0 ? [`${showNumber(set)} to get new properties`] : []),
    ...(gone > 0 ? [`${showNumber(gone)} to remove`] : []),
  ]
  if (steps.length === 0 && job.select.ifNoFiles === 'warn') {
    const sources = job.select.sources.map((source) => `“${source}”`).join(', ')
    log(`warning: no file matches ${sources}`)
  } else if (parts.length > 0) log(parts.join(', '))
  const line = skippedLine(skipped)
  if (line !== undefined) log(line)
}

function emptyResult({ title, action, job, dryRun }: FileTransfer, shown: string): Result {
  const isMoving = job.action === 'upload' || job.action === 'download'
  const target = isMoving ? job.naming.target : ''
  const url = job.action === 'upload' && target !== '' ? `${shown}/${target}` : shown
  const sources = job.action === 'link' ? job.names : job.select.sources
  const from = `${shown} (${sources.join(', ')})`
  const places = {
    upload: `to ${url}`,
    download: `from ${from} into ${target || '.'}`,
    remove: `from ${from}`,
    list: `from ${from}`,
    verify:
      job.action === 'verify' && job.naming.target !== ''
        ? `of ${from} with ${job.naming.target}`
        : `of ${from}`,
    link: `of ${from}`,
  }
  return {
    title,
    action,
    url,
    ...(job.action === 'upload' && !dryRun && { sentTo: shown }),
    place: places[job.action],
    dryRun,
    durationMs: 0,
    files: 0,
    bytes: 0,
    counts: {},
    failures: [],
    notDone: 0,
    done: [],
    links: [],
    planned: [],
    unproven: [],
  }
}
