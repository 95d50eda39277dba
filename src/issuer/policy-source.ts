// The policy in force. The file may change while the service runs: a good one takes over at once, a
// bad one changes nothing and is told loudly in log, ledger, health and metrics until it is mended.
import type { Ledger } from '../audit/ledger.ts'
import { sha256Hex } from '../core/digest.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { Policy } from '../policy/schema.ts'

/** What health and metrics say of the policy. */
export type PolicyState = {
  sha256: string
  loadedAt: Date
  entries: number
  /** Why the file as it is now is not in force; undefined when it is. */
  problem: string | undefined
}

/** The policy, and the way to look at its file again. */
export type PolicySource = {
  current: () => Policy
  state: () => PolicyState
  /** Reads the file and puts it in force if it changed and is good; never throws for a bad file. */
  reload: () => Promise<void>
}

/** What a policy source needs of the world. */
export type PolicySourceDeps = {
  /** The text of the file; throws when it cannot be read. */
  read: () => string
  parse: (text: string) => Policy
  now: () => Date
  ledger: Ledger
  log: Log
}

/** Loads the policy for the first time; throws config_invalid when the file is bad. */
export async function openPolicySource(deps: PolicySourceDeps): Promise<PolicySource> {
  const text = deps.read()
  let policy = deps.parse(text)
  let state: PolicyState = describe(deps, policy, text)
  let rejected = ''
  await deps.ledger.append({
    type: 'policy.loaded',
    decision: 'info',
    detail: `${policy.entries.size} entries`,
    policy_sha256: state.sha256,
  })

  const accept = async (changed: Policy, changedText: string) => {
    const next = describe(deps, changed, changedText)
    // On record before it decides anything.
    await deps.ledger.append({
      type: 'policy.changed',
      decision: 'info',
      detail: `${next.entries} entries, in place of ${state.sha256.slice(0, 12)}…`,
      policy_sha256: next.sha256,
    })
    policy = changed
    state = next
    deps.log.info({ policy: next.sha256, entries: next.entries }, 'a changed policy is in force')
  }
  const reject = async (problem: string) => {
    state = { ...state, problem }
    if (problem === rejected) return
    rejected = problem
    deps.log.error(
      { policy: state.sha256 },
      `the policy file is bad, the last good one stays: ${problem}`,
    )
    await deps.ledger.append({ type: 'policy.rejected', decision: 'deny', detail: problem })
  }
  return {
    current: () => policy,
    state: () => state,
    reload: async () => {
      try {
        const latest = deps.read()
        if (sha256Hex(latest) === state.sha256) {
          rejected = ''
          state = { ...state, problem: undefined }
          return
        }
        await accept(deps.parse(latest), latest)
        rejected = ''
      } catch (error) {
        const isLedger = error instanceof Fault && error.code === 'audit_unavailable'
        if (isLedger) deps.log.error({ code: error.code }, error.message)
        else await reject(messageOf(error)).catch(() => undefined)
      }
    },
  }
}

function describe({ now }: PolicySourceDeps, policy: Policy, text: string): PolicyState {
  return {
    sha256: sha256Hex(text),
    loadedAt: now(),
    entries: policy.entries.size,
    problem: undefined,
  }
}
