// A trial of an identity (DESIGN §5.15): the exchange, then for every grant a look at a name that is not
// there, and a probe made and removed if that was asked for. Tokens stay in here.
import { storageScope } from '../azure/clouds.ts'
import { exchange } from '../azure/entra.ts'
import type { Sleep } from '../azure/retry.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import type { Send } from '../http/http.ts'
import { createBlobRemote } from '../transfer/blob/remote.ts'
import { createFilesRemote } from '../transfer/files/remote.ts'
import { createHalt, type Halt } from '../transfer/move/halt.ts'
import type { Remote } from '../transfer/remote.ts'
import type { TrialAnswer, TrialStep } from '../trust/admin-api.ts'
import { findFault } from './attempts.ts'
import { createProbe, listOne } from './probe-storage.ts'
import type { TrialPlace } from './trial-places.ts'
import { failedStep, judgeTrial, type TriedStep } from './trial-verdict.ts'

/** What a trial needs of the world. */
export type TrialDeps = {
  send: Send
  now: Clock
  sleep: Sleep
  random: () => number
  newId: () => string
  userAgent: string
}

/** Who to become with this ID token, and where to look then. */
export type TrialOrder = {
  authorityHost: string
  tenantId: string
  clientId: string
  assertion: Secret
  places: readonly TrialPlace[]
  doesWrite: boolean
}

// Whoever asked waits, and asks again by himself.
const triesOfCall = 2

/** Tries everything; what goes wrong is in the answer, and only defects are thrown. */
export async function tryIdentity(
  deps: TrialDeps,
  order: TrialOrder,
): Promise<Pick<TrialAnswer, 'verdict' | 'sentence' | 'hint' | 'steps'>> {
  const tried = await tryAll(deps, order)
  return { ...judgeTrial(tried), steps: tried.map((step) => withoutHint(step)) }
}

function withoutHint({ what, place, outcome, code, sentence }: TriedStep): TrialStep {
  return {
    what,
    outcome,
    ...(place !== undefined && { place }),
    ...(code !== undefined && { code }),
    ...(sentence !== undefined && { sentence }),
  }
}

async function tryAll(deps: TrialDeps, order: TrialOrder): Promise<TriedStep[]> {
  const { authorityHost, tenantId, clientId, assertion, places } = order
  let token: Secret | undefined
  const fault = await findFault(async () => {
    const clientRequestId = deps.newId()
    const request = { authorityHost, tenantId, clientId, assertion, clientRequestId }
    token = (await exchange(deps, { ...request, scope: storageScope })).token
  })
  if (!token) return fault ? [failedStep({ what: 'exchange' }, fault)] : []
  const access = token
  const halt = createHalt(deps, new AbortController().signal)
  try {
    const visit = { ...deps, halt, token: access, doesWrite: order.doesWrite }
    const tried = await Promise.all(places.map((place) => tryPlace(visit, place)))
    return [{ what: 'exchange', outcome: 'ok' }, ...tried.flat()]
  } finally {
    halt.abort()
  }
}

type Visit = TrialDeps & { halt: Halt; token: Secret; doesWrite: boolean }

async function tryPlace(visit: Visit, place: TrialPlace): Promise<TriedStep[]> {
  const steps: TriedStep[] = []
  const at = { place: place.label }
  const read = { what: 'read', ...at } as const
  if (place.looks !== undefined) {
    const fault = await findFault(() => look(visit, place))
    steps.push(fault ? failedStep(read, fault) : { ...read, outcome: 'ok' })
    // Writing meets the same wall.
    if (fault) return steps
  }
  if (!visit.doesWrite) return steps
  const write = { what: 'write', ...at } as const
  if (!place.canProbe) {
    const sentence = 'The grant does not allow to create and to delete, so no probe was made.'
    return [...steps, { ...write, outcome: 'skipped', sentence }]
  }
  const fault = await findFault(async () => {
    const remove = await createProbe(visit, place, place.prefix, visit.token)
    await remove()
  })
  return [...steps, fault ? failedStep(write, fault) : { ...write, outcome: 'ok' }]
}

async function look(visit: Visit, place: TrialPlace): Promise<void> {
  if (place.looks === 'list') {
    await listOne(visit, place, visit.token)
    return
  }
  const name = `${place.prefix}.azure-storage-drone-trial-${visit.newId()}`
  try {
    await openRemote(visit, place).read(name, { from: 0, to: 0, onPiece: () => undefined })
  } catch (error) {
    // To be told that there is nothing takes the right to read.
    if (!(error instanceof Fault) || error.code !== 'transfer_blob_absent') throw error
  }
}

function openRemote({ token, ...visit }: Visit, { service, address }: TrialPlace): Remote {
  const tokens = { get: async () => token, refresh: async () => token }
  const deps = { ...visit, tokens, tries: triesOfCall }
  return service === 'blob' ? createBlobRemote(deps, address) : createFilesRemote(deps, address)
}
