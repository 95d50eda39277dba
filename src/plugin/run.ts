// One step from its settings to its exit code: choose the files, become the identity, move the
// files, say what happened (DESIGN §3).
import { readFile } from 'node:fs/promises'

import type { HttpClient, HttpOptions } from '../http/http.ts'
import type { Sleep } from '../azure/retry.ts'
import type { TokenSource } from '../azure/token-source.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import { createBlobClient } from '../transfer/blob/client.ts'
import { showAddress } from '../transfer/blob/names.ts'
import { download } from '../transfer/download.ts'
import { createHalt, type Halt, Halted } from '../transfer/halt.ts'
import { openFolder } from '../transfer/local/write.ts'
import { type Plan, planDownload, planUpload } from '../transfer/plan.ts'
import { createSlots, type Outcome } from '../transfer/schedule.ts'
import { joinName } from '../transfer/select.ts'
import { type TransferDeps, upload } from '../transfer/upload.ts'
import { becomeIdentity } from './identity.ts'
import {
  defectLines,
  failureLines,
  faultLines,
  type Log,
  progressLine,
  showBytes,
  showCount,
  skippedLine,
  summaryLine,
} from './report.ts'
import { type Environment, invalid, readSettings, type Settings } from './settings.ts'
import { toUserAgent } from './user-agent.ts'

/** What a step needs from its door. */
export type RunDeps = {
  openHttp: (options: HttpOptions) => HttpClient
  now: Clock
  sleep: Sleep
  random: () => number
  newId: () => string
  log: Log
  /** Aborts when the step is told to end. */
  signal: AbortSignal
  pid: number
  version: string
}

type Step = RunDeps & { settings: Settings; userAgent: string; http: HttpClient }

// Memory for blocks on the wire; what Node itself takes comes on top.
const byteBudget = 64 * 1024 * 1024
const progressEveryMs = 5_000

/** Runs the step that the environment describes; gives the exit code, and never throws. */
export async function run(deps: RunDeps, env: Environment): Promise<number> {
  try {
    const settings = readSettings(env)
    const ca = settings.caFile === undefined ? undefined : await readTrust(settings.caFile)
    const http = deps.openHttp({ maxConnections: settings.concurrency, ...(ca && { ca }) })
    try {
      await runStep({ ...deps, settings, http, userAgent: toUserAgent(deps.version, env) })
    } finally {
      http.close()
    }
    return 0
  } catch (error) {
    return reportFailure(deps, error)
  }
}

function reportFailure({ log, signal, version }: RunDeps, error: unknown): number {
  const fault = signal.aborted ? toInterrupted(error) : error
  if (fault instanceof Fault) {
    for (const line of faultLines(fault)) log(line)
    return fault.exitCode
  }
  for (const line of defectLines(error, version)) log(line)
  return 70
}

async function readTrust(caFile: string): Promise<string[]> {
  const { getCACertificates } = await import('node:tls')
  try {
    return [...getCACertificates('default'), await readFile(caFile, 'utf8')]
  } catch (error) {
    throw invalid([`\`ca_file\` cannot be read: ${messageOf(error)}`])
  }
}

async function runStep(step: Step): Promise<void> {
  const halt = createHalt(step, step.signal)
  try {
    await (step.settings.action === 'upload' ? runUpload(step, halt) : runDownload(step, halt))
  } finally {
    halt.abort()
  }
}

async function runUpload(step: Step, halt: Halt): Promise<void> {
  const { settings } = step
  // Before any token is asked for: a step with nothing to send needs no identity.
  const plan = await planUpload(settings)
  announce(step, plan, 'to upload')
  const deps = prepare(step, halt, await openTokens(step))
  await transfer(step, plan, joinName(showAddress(settings.address), settings.target), (onBytes) =>
    upload({ ...deps, onBytes }, plan.items, settings),
  )
}

async function runDownload(step: Step, halt: Halt): Promise<void> {
  const { settings } = step
  const deps = prepare(step, halt, await openTokens(step))
  const plan = await planDownload(deps, settings)
  announce(step, plan, 'to download')
  const replaces = settings.overwrite === 'always'
  const folder = openFolder(step, settings.target, { replaces })
  const { address, sources, target } = settings
  const place = `${showAddress(address)} (${sources.join(', ')}) into ${target || '.'}`
  await transfer(step, plan, place, (onBytes) =>
    download({ ...deps, onBytes }, plan.items, { folder, overwrite: settings.overwrite }),
  )
}

async function openTokens(step: Step): Promise<TokenSource> {
  const tokens = becomeIdentity({ ...step, send: step.http.send }, step.settings)
  // Trouble with the identity is the step's trouble, not that of its first file.
  await tokens.get()
  return tokens
}

function prepare(step: Step, halt: Halt, tokens: TokenSource): Omit<TransferDeps, 'onBytes'> {
  const { settings, http, newId } = step
  return {
    halt,
    newId,
    client: createBlobClient({ ...step, send: http.send, tokens, halt }, settings.address),
    slots: createSlots({ connections: settings.concurrency, bytes: byteBudget }),
  }
}

function announce(
  { log }: Step,
  { items, totalBytes, skipped }: Plan<unknown>,
  what: string,
): void {
  log(`${showCount(items.length, 'file')}, ${showBytes(totalBytes)} ${what}`)
  const line = skippedLine(skipped)
  if (line !== undefined) log(line)
}

async function transfer(
  step: Step,
  plan: Plan<unknown>,
  place: string,
  move: (onBytes: (count: number) => void) => Promise<Outcome>,
): Promise<void> {
  const { log, now, settings } = step
  const startedAt = now().getTime()
  const elapsedMs = () => now().getTime() - startedAt
  const done = { bytes: 0, totalBytes: plan.totalBytes }
  const stopProgress = showProgress(step, () => log(progressLine(done, elapsedMs())))
  const outcome = await move((count) => {
    done.bytes += count
  }).finally(stopProgress)
  if (outcome.files === plan.items.length) {
    const { action } = settings
    const { files, bytes } = outcome
    log(summaryLine({ action, files, bytes, durationMs: elapsedMs(), place }))
    return
  }
  // A single file's failure is the step's, and is said once.
  if (plan.items.length > 1) for (const line of failureLines(outcome)) log(line)
  throw toFault(outcome, plan.items.length)
}

function showProgress({ sleep }: Step, show: () => void): () => void {
  const ended = new AbortController()
  const loop = async () => {
    for (;;) {
      await sleep(progressEveryMs, ended.signal)
      if (ended.signal.aborted) return
      show()
    }
  }
  void loop()
  return () => ended.abort()
}

function toFault({ files, failures, notDone }: Outcome, count: number): Fault {
  const [first] = failures
  if (!first) return interrupted(`after ${files} of ${count} files`)
  const { fault } = first
  if (count === 1) return fault
  return new Fault(
    fault.code,
    `${failures.length} of ${count} files failed and ${notDone} were not transferred; the first: ${fault.message}`,
    { hint: fault.hint, details: fault.details, cause: fault },
  )
}

// Whatever failed after the step was told to stop failed because of that.
function toInterrupted(error: unknown): unknown {
  if (error instanceof Fault && error.code === 'transfer_interrupted') return error
  const isConsequence = error instanceof Fault || error instanceof Halted
  return isConsequence ? interrupted('before it had moved anything') : error
}

function interrupted(when: string): Fault {
  return new Fault('transfer_interrupted', `The step was told to stop ${when}.`)
}
