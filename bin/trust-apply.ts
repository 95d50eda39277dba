// `trust apply`: shows the plan, asks, carries it out, writes the client ids into the policy file, and
// waits until Azure shows what was made and, with a trust service to ask, until it works.
import { parsePolicy, type Policy } from '../src/policy/schema.ts'
import type { ActualState } from '../src/trust/actual.ts'
import { applyPlan, findKnown } from '../src/trust/apply.ts'
import { awaitTrials, listTrials } from '../src/trust/await-trials.ts'
import type { TrustPlan } from '../src/trust/change.ts'
import { writeClientIds } from '../src/trust/client-ids.ts'
import type { ControlDeps } from '../src/trust/control.ts'
import { toDesired, type DesiredState } from '../src/trust/desired.ts'
import { writePlan, writePlanned } from '../src/trust/plan-text.ts'
import { planTrust } from '../src/trust/plan.ts'
import { readActual } from '../src/trust/read-actual.ts'
import type { TrustService } from '../src/trust/service-client.ts'
import { isWanted, rewriteFile } from './trust-desk.ts'
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
import { serviceOptions, withService } from './trust-service.ts'

// Graph and ARM show their own news within seconds as a rule, and within two minutes nearly always.
const showDelaysMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000]
const minuteMs = 60_000
const defaultWaitMinutes = 10

/** Runs `trust apply`; resolves to the exit code. */
export async function runApply(args: string[], io: TrustIo): Promise<number> {
  const { values, file } = read(args, {
    ...shared,
    ...azureOptions,
    ...serviceOptions,
    yes: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    wait: { type: 'string' },
  } as const)
  const waitMs = readWait(values)
  const planned = loadPlanned(io, file, values)
  return withService(values, (service) =>
    withAzure(io, planned.desired, values, async (deps, tenantId) => {
      const { desired } = planned
      // A wrong address or token is told before anything is changed.
      await service?.keys()
      const actual = await readActual(deps, desired, tenantId)
      const plan = planTrust(desired, actual)
      io.write(writePlan(plan))
      if (plan.notes.some(({ isBlocking }) => isBlocking)) return 6
      if (values['dry-run']) return plan.changes.length > 0 ? 4 : 0
      if (plan.changes.length > 0 && !values.yes && !(await isWanted(io, 'Carry this out?'))) {
        io.write('Nothing was changed.\n')
        return 4
      }
      const text = await carryOut(io, { deps, file, planned, actual, plan })
      const policy = parsePolicy(text, { gatewayServes: values.gateway ?? false })
      if (plan.changes.length > 0) {
        const after = toDesired({ policy, issuerUrl: planned.issuerUrl }).desired
        const missing = await waitUntilShown(io, deps, { desired: after, tenantId })
        if (missing) {
          io.write(`Azure does not show all of it yet. This is missing:\n${writePlan(missing)}`)
          return 5
        }
        io.write(service ? 'Azure shows all of it.\n' : untried)
      }
      if (service) await tryAll(io, { deps, service, policy, tenantId, waitMs })
      return 0
    }),
  )
}

const untried = `Azure shows all of it. Whether Entra exchanges a token yet was not tried: that takes a trial inside
the service, which --service URL asks for. New credentials and roles can take some minutes, a new issuer half an hour.
`

// Minutes, as people count this wait.
function readWait({ wait, service }: { wait?: string; service?: string }): number {
  if (wait === undefined) return defaultWaitMinutes * minuteMs
  if (service === undefined) throw usage('--wait is of use only with --service.')
  if (!/^\d{1,3}$/.test(wait)) throw usage('--wait is a number of minutes, 0 to 999.')
  return Number(wait) * minuteMs
}

type Trials = {
  deps: ControlDeps
  service: TrustService
  policy: Policy
  tenantId: string
  waitMs: number
}

async function tryAll(
  io: TrustIo,
  { deps, service, policy, tenantId, waitMs }: Trials,
): Promise<void> {
  const { retry, now } = deps
  const trials = listTrials(policy, tenantId)
  const say = (line: string) => io.write(`${line}\n`)
  await awaitTrials({ service, sleep: retry.sleep, now, say }, trials, waitMs)
  io.write(`Trust works: ${trials.length} subject(s) tried, each with a token of its own.\n`)
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
      rewriteFile(io, file, written)
      for (const [name, id] of ids) io.write(`client_id of ${name}: ${id}, written to ${file}\n`)
    }
  }
  return written
}

// What Azure does not show in the end; undefined when it shows all of it.
async function waitUntilShown(
  io: TrustIo,
  deps: ControlDeps,
  { desired, tenantId }: { desired: DesiredState; tenantId: string },
): Promise<TrustPlan | undefined> {
  const look = async () => planTrust(desired, await readActual(deps, desired, tenantId))
  let missing = await look()
  for (const delayMs of showDelaysMs) {
    if (missing.changes.length === 0) return undefined
    io.write(`Waiting: Azure does not show ${missing.changes.length} change(s) yet.\n`)
    await deps.retry.sleep(delayMs)
    missing = await look()
  }
  return missing.changes.length > 0 ? missing : undefined
}
