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

/** The file the policy is in. */
export type PolicyFile = {
  /** The text of the file; throws when it cannot be read. */
  read: () => string
  parse: (text: string) => Policy
}

/** A policy, and the digest of the text that says so. */
export type LoadedPolicy = { policy: Policy; sha256: string }

/** What a policy source needs of the world. */
export type PolicySourceDeps = PolicyFile & { now: () => Date; ledger: Ledger; log: Log }

/** Reads the policy for the first time; throws config_invalid when the file is bad. */
export function loadPolicy({ read, parse }: PolicyFile): LoadedPolicy {
  const text = read()
  return { policy: parse(text), sha256: sha256Hex(text) }
}

/** Puts the first policy in force, on record; its file is looked at again with `reload`. */
export async function openPolicySource(
  deps: PolicySourceDeps,
  first: LoadedPolicy,
): Promise<PolicySource> {
  let { policy } = first
  let state = describe(deps, first)
  let rejected = ''
  await deps.ledger.append({
    type: 'policy.loaded',
    decision: 'info',
    detail: `${policy.entries.size} entries`,
    policy_sha256: state.sha256,
  })

  warn(deps, policy)

  const accept = async (changed: LoadedPolicy) => {
    const next = describe(deps, changed)
    // On record before it decides anything.
    await deps.ledger.append({
      type: 'policy.changed',
      decision: 'info',
      detail: `${next.entries} entries, in place of ${state.sha256.slice(0, 12)}…`,
      policy_sha256: next.sha256,
    })
    policy = changed.policy
    state = next
    deps.log.info({ policy: next.sha256, entries: next.entries }, 'a changed policy is in force')
    warn(deps, policy)
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
        const sha256 = sha256Hex(latest)
        if (sha256 === state.sha256) {
          rejected = ''
          state = { ...state, problem: undefined }
          return
        }
        await accept({ policy: deps.parse(latest), sha256 })
        rejected = ''
      } catch (error) {
        const isLedger = error instanceof Fault && error.code === 'audit_unavailable'
        if (isLedger) deps.log.error({ code: error.code }, error.message)
        else await reject(messageOf(error)).catch(() => undefined)
      }
    },
  }
}

function warn({ log }: PolicySourceDeps, { notices = [] }: Policy): void {
  for (const notice of notices) log.warn({}, notice)
}

function describe({ now }: PolicySourceDeps, { policy, sha256 }: LoadedPolicy): PolicyState {
  return { sha256, loadedAt: now(), entries: policy.entries.size, problem: undefined }
}
