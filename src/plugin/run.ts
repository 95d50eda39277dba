// One step from its settings to its exit code: become the identity, carry out its transfers, say what
// happened and leave it behind for the steps that follow (DESIGN §3).
import { readFile } from 'node:fs/promises'

import type { Sleep } from '../azure/retry.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import type { HttpClient, HttpOptions } from '../http/http.ts'
import { readProxy } from '../http/read-proxy.ts'
import type { RemoteFile } from '../transfer/remote.ts'
import { readContext } from './context.ts'
import { isExchanged } from './credential.ts'
import { createFootprint } from './footprint.ts'
import { becomeIdentity } from './identity.ts'
import type { Report } from './output.ts'
import type { Screen } from './progress.ts'
import type { ReceiptDeps, Told } from './receipt.ts'
import {
  defectLines,
  type Explanation,
  failureLines,
  faultLines,
  type Log,
  showCount,
  summaryLine,
} from './report.ts'
import type { Result } from './result.ts'
import { type Environment, invalid, readSettings, type Settings } from './settings.ts'
import type { Transfer } from './settings/transfer.ts'
import { toUserAgent } from './user-agent.ts'

/** What a step needs from its door. */
export type RunDeps = {
  openHttp: (options: HttpOptions) => HttpClient
  now: Clock
  sleep: Sleep
  random: () => number
  newId: () => string
  /** For people. */
  log: Log
  /** For what was asked for, such as a listing; the log when absent. */
  print?: Log
  /** Takes the files of a listing in place of its printed lines. */
  onListed?: (file: RemoteFile) => void
  /** A terminal, if somebody sits before one. */
  screen?: Screen
  /** Aborts when the step is told to end. */
  signal: AbortSignal
  /** Whether the process had no time to spare since it was asked last. */
  isBusy?: () => boolean
  /** Is called before long contents are moved, or long listings are read. */
  saveMemory?: () => Promise<void>
  pid: number
  version: string
  /** Finds out why Entra or storage refuses a step; it is told so in the words of `doctor`. */
  explain?: (refused: RefusedStep) => Promise<Explanation>
}

/** A step that Entra or storage has refused. */
export type RefusedStep = {
  env: Environment
  settings: Settings
  fault: Fault
  extraCa?: readonly string[]
}

/** Runs the step that the environment describes; gives the exit code, and never throws. */
export async function run(deps: RunDeps, env: Environment): Promise<number> {
  return runSettings(deps, env, () => readSettings(env))
}

/** Runs a step with settings from anywhere; `onReport` gets what came of it before the last lines. */
export async function runSettings(
  deps: RunDeps,
  env: Environment,
  read: () => Settings,
  onReport?: (report: Report) => void,
): Promise<number> {
  let settings: Settings | undefined
  let extraCa: string[] | undefined
  try {
    settings = read()
    const { caFile } = settings
    extraCa = caFile === undefined ? undefined : [await readTrust(caFile)]
    const http = deps.openHttp({
      maxConnections: settings.concurrency,
      proxy: readProxy(env),
      ...(extraCa && { extraCa }),
    })
    try {
      const userAgent = toUserAgent(deps.version, env)
      const { step: name } = readContext(env)
      const done = await runTransfers({ ...deps, env, settings, http, userAgent, name })
      const report = { ...done, context: readContext(env) }
      onReport?.(report)
      await leaveBehind(deps, settings, report, env)
      if (report.fault) throw report.fault
    } finally {
      http.close()
    }
    return 0
  } catch (error) {
    const refused = { env, ...(settings && { settings }), ...(extraCa && { extraCa }) }
    return reportFailure(deps, error, (fault) => explain(deps, refused, fault))
  }
}

type Step = RunDeps & {
  env: Environment
  settings: Settings
  http: HttpClient
  userAgent: string
  name: string
}

async function runTransfers(step: Step): Promise<Report> {
  const { settings, http, now, log, print = log, screen, signal } = step
  const { transfers } = settings
  const startedAt = now().getTime()
  const footprint = createFootprint()
  const tokens = becomeIdentity({ ...step, send: http.send, footprint }, settings)
  // While the trust service is asked, the two that come after it can be called already.
  if (isExchanged(settings.credential)) http.warm(new URL(settings.authorityHost), signal)
  if (transfers[0]) http.warm(transfers[0].place.address.origin, signal)
  const { perform } = await import('./perform.ts')
  const deps = { ...step, tokens, footprint, print, screen, onListed: step.onListed }
  const receipts: Promise<void>[] = []
  const results: Result[] = []
  let fault: Fault | undefined
  for (const transfer of transfers) {
    if (transfer.title !== '') log(`${transfer.title} of ${transfers.length}: ${transfer.action}`)
    const begunAt = now().getTime()
    const requestId = step.newId()
    let result: Result | undefined
    try {
      result = await perform({ ...deps, requestId }, transfer)
      results.push(result)
      fault = toFault(result)
      if (fault) for (const line of failuresOf(result)) log(line)
      else log(summaryLine(result))
    } catch (error) {
      fault = toEnd(step, error)
    }
    const durationMs = now().getTime() - begunAt
    // The next transfer does not wait for it.
    receipts.push(tell(deps, { transfer, requestId, durationMs, ...(result && { result }) }))
    if (fault) {
      fault = placeFault(fault, transfer, transfers)
      break
    }
  }
  const durationMs = now().getTime() - startedAt
  await Promise.all(receipts)
  return { results, durationMs, ...(fault && { fault }) }
}

// Only where there is a trust service that records it.
async function tell(deps: ReceiptDeps, told: Told): Promise<void> {
  if (deps.footprint.trace === undefined) return
  const { sendReceipt } = await import('./receipt.ts')
  await sendReceipt(deps, told)
}

// A single file's failure is the step's, and is said once.
function failuresOf({ files, failures, notDone }: Result): string[] {
  return files + failures.length + notDone > 1 ? failureLines({ failures, notDone }) : []
}

function toFault({ failures, notDone, files }: Result): Fault | undefined {
  if (failures.length + notDone === 0) return undefined
  const count = files + failures.length + notDone
  const [first] = failures
  if (!first) return interrupted(`after ${files} of ${showCount(count, 'file')}`)
  const { fault } = first
  if (count === 1) return fault
  return new Fault(
    fault.code,
    `${failures.length} of ${count} files failed and ${notDone} were not transferred; the first: ${fault.message}`,
    { hint: fault.hint, details: fault.details, cause: fault },
  )
}

// Says which of several transfers ended the step, and what was not begun.
function placeFault(fault: Fault, { title }: Transfer, transfers: readonly Transfer[]): Fault {
  if (title === '') return fault
  const rest = transfers.length - 1 - transfers.findIndex((each) => each.title === title)
  const after = rest > 0 ? `; ${showCount(rest, 'transfer')} after it not begun` : ''
  const sentence = `${title} of ${transfers.length}: ${fault.message}${after}`
  return new Fault(fault.code, sentence, { hint: fault.hint, details: fault.details, cause: fault })
}

async function leaveBehind(
  deps: RunDeps,
  { outputFile, artifactFile, cardSchema }: Settings,
  report: Report,
  env: Environment,
): Promise<void> {
  const {
    DRONE_CARD_PATH: cardPath,
    DRONE_OUTPUT: harnessFile,
    HARNESS_OUTPUT_SECRET_FILE: secretFile,
  } = env
  if (outputFile !== undefined) {
    const { writeOutputs } = await import('./output.ts')
    await writeOutputs(deps, outputFile, report)
  }
  if (artifactFile || harnessFile || secretFile) {
    const { writeHarness } = await import('./harness.ts')
    await writeHarness({ artifactFile, outputFile: harnessFile, secretFile }, report)
  }
  if (cardSchema !== undefined && cardPath) {
    const { writeCard } = await import('./card.ts')
    await writeCard(cardPath, cardSchema, report)
  }
}

async function reportFailure(
  { log, signal, version }: RunDeps,
  error: unknown,
  find: (fault: Fault) => Promise<Explanation | undefined>,
): Promise<number> {
  const fault = signal.aborted ? toInterrupted(error) : error
  if (fault instanceof Fault) {
    for (const line of faultLines(fault, await find(fault))) log(line)
    return fault.exitCode
  }
  for (const line of defectLines(error, version)) log(line)
  return 70
}

// Only where somebody was refused: the other faults say all there is, and may pass.
async function explain(
  deps: RunDeps,
  { settings, ...refused }: Omit<RefusedStep, 'fault' | 'settings'> & { settings?: Settings },
  fault: Fault,
): Promise<Explanation | undefined> {
  const isRefusal = fault.code.startsWith('azure_') && fault.exitCode === 3
  if (!isRefusal || settings?.credential.source !== 'request token') return undefined
  if (deps.signal.aborted) return undefined
  try {
    return await deps.explain?.({ ...refused, settings, fault })
  } catch {
    // What is known has to be told, whatever becomes of finding out more.
    return undefined
  }
}

async function readTrust(caFile: string): Promise<string> {
  try {
    return await readFile(caFile, 'utf8')
  } catch (error) {
    throw invalid([`\`ca_file\` cannot be read: ${messageOf(error)}`])
  }
}

function toEnd({ signal }: RunDeps, error: unknown): Fault {
  const end = signal.aborted ? toInterrupted(error) : error
  if (end instanceof Fault) return end
  throw end
}

// Whatever failed after the step was told to stop failed because of that.
function toInterrupted(error: unknown): unknown {
  if (error instanceof Fault && error.code === 'transfer_interrupted') return error
  const isConsequence =
    error instanceof Fault || (error instanceof Error && error.name === 'Halted')
  return isConsequence ? interrupted('before it had moved anything') : error
}

function interrupted(when: string): Fault {
  return new Fault('transfer_interrupted', `The step was told to stop ${when}.`)
}
