// `trust apply`: shows the plan, asks, carries it out, writes the client ids into the policy file, and
// waits until Azure shows what was made.
import { randomUUID } from 'node:crypto'
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'

import { parsePolicy } from '../src/policy/schema.ts'
import type { ActualState } from '../src/trust/actual.ts'
import { applyPlan, findKnown } from '../src/trust/apply.ts'
import type { TrustPlan } from '../src/trust/change.ts'
import { writeClientIds } from '../src/trust/client-ids.ts'
import type { ControlDeps } from '../src/trust/control.ts'
import { toDesired, type DesiredState } from '../src/trust/desired.ts'
import { writePlan, writePlanned } from '../src/trust/plan-text.ts'
import { planTrust } from '../src/trust/plan.ts'
import { readActual } from '../src/trust/read-actual.ts'
import {
  azureOptions,
  loadPlanned,
  read,
  readText,
  shared,
  usage,
  withAzure,
  type Planned,
  type TrustIo,
} from './trust-input.ts'

// Graph and ARM show their own news within seconds as a rule, and within two minutes nearly always.
const showDelaysMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000]

/** Runs `trust apply`; resolves to the exit code. */
export async function runApply(args: string[], io: TrustIo): Promise<number> {
  const { values, file } = read(args, {
    ...shared,
    ...azureOptions,
    yes: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  } as const)
  const planned = loadPlanned(io, file, values)
  return withAzure(io, planned.desired, values, async (deps, tenantId) => {
    const { desired } = planned
    const actual = await readActual(deps, desired, tenantId)
    const plan = planTrust(desired, actual)
    io.write(writePlan(plan))
    if (plan.notes.some(({ isBlocking }) => isBlocking)) return 6
    if (values['dry-run']) return plan.changes.length > 0 ? 4 : 0
    if (plan.changes.length > 0 && !values.yes && !(await isWanted(io))) {
      io.write('Nothing was changed.\n')
      return 4
    }
    const text = await carryOut(io, { deps, file, planned, actual, plan })
    if (plan.changes.length === 0) return 0
    const after = toDesired({
      policy: parsePolicy(text, { gatewayServes: values.gateway ?? false }),
      issuerUrl: planned.issuerUrl,
    })
    return waitUntilShown(io, deps, { desired: after.desired, tenantId })
  })
}

async function isWanted(io: TrustIo): Promise<boolean> {
  const answer = await (io.ask ?? ask)('Carry this out?')
  if (answer === undefined) {
    throw usage('there is nobody to ask here: look at --dry-run, then add --yes.')
  }
  return answer
}

type Run = {
  deps: ControlDeps
  file: string
  planned: Planned
  actual: ActualState
  plan: TrustPlan
}

// The file gets its client ids also when a later change fails: what was made is not made twice either way.
async function carryOut(io: TrustIo, { deps, file, planned, actual, plan }: Run): Promise<string> {
  const { desired, text } = planned
  const unnamed = new Set(
    desired.identities.flatMap(({ name, clientId, tenantId }) =>
      clientId === undefined && tenantId === actual.tenantId.toLowerCase() ? [name] : [],
    ),
  )
  const ids = new Map<string, string>()
  for (const [name, { clientId }] of findKnown(desired, actual)) {
    if (unnamed.has(name)) ids.set(name, clientId)
  }
  let written = text
  try {
    await applyPlan(deps, { desired, actual }, plan.changes, {
      onDone: (change) => io.write(`done: ${writePlanned(change)}\n`),
      onMade: (identity, clientId) => void ids.set(identity, clientId),
    })
  } finally {
    if (ids.size > 0) {
      // Read again: somebody may have written to it while they were asked.
      written = writeClientIds(readText(io, file), ids)
      ;(io.replaceFile ?? replaceFile)(file, written)
      for (const [name, id] of ids) io.write(`client_id of ${name}: ${id}, written to ${file}\n`)
    }
  }
  return written
}

async function waitUntilShown(
  io: TrustIo,
  deps: ControlDeps,
  { desired, tenantId }: { desired: DesiredState; tenantId: string },
): Promise<number> {
  for (const delayMs of [...showDelaysMs, undefined]) {
    const plan = planTrust(desired, await readActual(deps, desired, tenantId))
    if (plan.changes.length === 0) {
      io.write(`Azure shows all of it. Whether Entra exchanges a token yet was not tried: that takes a trial inside
the service. New credentials and roles can take some minutes, a new issuer half an hour.
`)
      return 0
    }
    if (delayMs === undefined) {
      io.write(`Azure does not show all of it yet. This is missing:\n${writePlan(plan)}`)
      return 5
    }
    io.write(`Waiting: Azure does not show ${plan.changes.length} change(s) yet.\n`)
    await deps.retry.sleep(delayMs)
  }
  return 5
}

async function ask(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } finally {
    terminal.close()
  }
}

// A link stays a link, and the file keeps its mode.
function replaceFile(path: string, text: string): void {
  const real = realpathSync(path)
  const temporary = `${real}.${randomUUID()}`
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o600, flush: true })
    chmodSync(temporary, statSync(real).mode & 0o777)
    renameSync(temporary, real)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
