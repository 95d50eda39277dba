// Waiting until trust really works: the trust service tries every subject of the policy again and again
// (DESIGN §5.15), as long as what it meets is news on its way through Azure; a refusal ends it at once.
import { clouds } from '../azure/clouds.ts'
import type { Sleep } from '../azure/retry.ts'
import { Fault, type FaultCode } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import { keyOfIdentity } from '../policy/place.ts'
import type { Policy } from '../policy/schema.ts'
import type { TrialAnswer, TrialRequest } from './admin-api.ts'
import { checkEntryAudience, findCloud } from './audience.ts'
import { listEnforced } from './desired.ts'
import type { TrustService } from './service-client.ts'
import { listEntrySubjects } from './subjects.ts'

/** What waiting needs: the service, time, and somebody to tell, a line at a time. */
export type AwaitDeps = {
  service: Pick<TrustService, 'trial'>
  sleep: Sleep
  now: Clock
  say: (line: string) => void
}

const delaysMs = [1_000, 2_000, 4_000, 8_000, 15_000]
const lastDelayMs = 30_000
// The service looks at its policy file every two seconds.
const policyPatienceMs = 10_000
const oldPolicy: ReadonlySet<FaultCode> = new Set([
  'trust_trial_unknown',
  'policy_identity_unapplied',
])

const works = 'works'

type Stop = Exclude<TrialAnswer['verdict'], 'works' | 'not_yet'>

const stops: Record<Stop, FaultCode> = {
  refused: 'trust_trial_refused',
  blocked: 'trust_trial_blocked',
  unreachable: 'trust_trial_unreachable',
}

/** A trial for every subject that builds can have whose identity is in this tenant. */
export function listTrials(policy: Policy, tenantId: string): TrialRequest[] {
  const groups = Map.groupBy(listEnforced(policy), ({ entry }) => keyOfIdentity(entry))
  return [...groups.values()].flatMap((entries) => {
    const { cloud } = findCloud(policy, entries)
    const audience = clouds[cloud].federationAudience
    return entries
      .filter(({ entry }) => entry.identity.tenantId.toLowerCase() === tenantId.toLowerCase())
      .filter((placed) => checkEntryAudience(placed, cloud).isFederated)
      .flatMap(({ entry, index }) => {
        const { subjects } = listEntrySubjects(entry, index)
        // Two CI servers are two issuers, each with a credential of its own.
        return subjects.map(({ subject, instance }) => ({
          entry: entry.name,
          subject,
          instance,
          audience,
        }))
      })
  })
}

/**
 * Tries until every trial works, for `waitMs` at most. Throws what a trial was refused with, or
 * trust_trial_late when the time is over.
 */
export async function awaitTrials(
  deps: AwaitDeps,
  trials: readonly TrialRequest[],
  waitMs: number,
): Promise<void> {
  const { sleep, now, say } = deps
  const startedAt = now().getTime()
  const states = new Map<TrialRequest, string>()
  let pending = trials
  for (let round = 0; ; round++) {
    const passedMs = now().getTime() - startedAt
    const waiting: TrialRequest[] = []
    for (const trial of pending) {
      const state = await tryOne(deps, trial, passedMs < Math.min(waitMs, policyPatienceMs))
      if (state !== states.get(trial)) say(`trial of ${describe(trial)}: ${state}`)
      states.set(trial, state)
      if (state !== works) waiting.push(trial)
    }
    const [first] = waiting
    if (!first) return
    pending = waiting
    const leftMs = startedAt + waitMs - now().getTime()
    if (leftMs <= 0) throw late(waiting.length, first, states.get(first) ?? '')
    await sleep(Math.min(delaysMs[round] ?? lastDelayMs, leftMs))
  }
}

// `works`, or what it still waits for.
async function tryOne(
  { service }: AwaitDeps,
  trial: TrialRequest,
  mayBeOld: boolean,
): Promise<string> {
  let answer
  try {
    answer = await service.trial(trial)
  } catch (error) {
    if (!(error instanceof Fault && mayBeOld && oldPolicy.has(error.code))) throw error
    return `not yet: ${error.message}`
  }
  const { verdict, sentence, hint } = answer
  if (verdict === 'works') return works
  if (verdict === 'not_yet') return `not yet: ${sentence}`
  throw new Fault(stops[verdict], `The trial of ${describe(trial)} says: ${sentence}`, { hint })
}

function describe({ entry, subject }: TrialRequest): string {
  return `${entry} as ${subject}`
}

function late(count: number, trial: TrialRequest, state: string): Fault {
  const others = count > 1 ? `, and ${count - 1} more do not either` : ''
  const sentence = `${describe(trial)} does not work yet${others}: ${state.replace('not yet: ', '')}`
  return new Fault('trust_trial_late', sentence)
}
