// Direct mode: an ID token at compile time (`get: {path: oidc, name: <audience>}`), for plugins that
// know nothing of request tokens. It is minutes old when its step starts and every step can read it,
// so only the policy entry that says `direct: true` gives one, and never to code of strangers or to
// variables of a caller. No other plugin would read a refusal token: a no is 204, and on record.
import { referenceTo, traceOf, type LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import type { Build } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { classify, type TrustClass } from '../identity/trust-class.ts'
import { checkMode, decide, type Admission } from '../policy/decide.ts'
import type { Policy, PolicyEntry } from '../policy/schema.ts'
import type { Minted } from './mint.ts'

/** Mints for an entry and a build as the exchange does: witness, policy, audience and record before the token. */
export type MintForBuild = (
  grant: { entry: string; build: Build; runner: string },
  audience: string,
) => Promise<Minted>

/** What direct mode needs of the world. */
export type DirectDeps = {
  policy: () => Policy
  ledger: Ledger
  log: Log
  mintForBuild: MintForBuild
}

/** A runner's question; `admit` throws when this runner may not ask for this build. */
export type DirectQuestion = {
  runner: string
  build: Build
  audience: string
  admit: () => void
}

/** An ID token, or undefined when the build gets none; rejects with audit_unavailable when that cannot be recorded. */
export async function mintDirectly(
  deps: DirectDeps,
  question: DirectQuestion,
): Promise<Minted | undefined> {
  const { build, audience, runner } = question
  const about = { door: 'secret', runner, repository: build.repository.slug, build: build.number }
  try {
    question.admit()
    const entry = findDirectEntry(deps.policy(), build, audience)
    const minted = await deps.mintForBuild({ entry: entry.name, build, runner }, audience)
    const { subject, jti } = minted
    deps.log.info({ ...about, subject, audience, jti }, 'issued an ID token directly')
    return minted
  } catch (error) {
    if (!(error instanceof Fault) || error.code === 'audit_unavailable') throw error
    await deps.ledger.append(denialOf(question, error))
    deps.log.warn({ ...about, code: error.code }, `refused an ID token: ${error.message}`)
    return undefined
  }
}

/** The one entry that gives this build a token for this audience at once; throws issuer_direct_denied, policy_ambiguous or policy_audit_only. */
export function findDirectEntry(policy: Policy, build: Build, audience: string): PolicyEntry {
  const trustClass = classify(build)
  if (!trustClass || !mayBeDirect(trustClass)) {
    throw new Fault(
      'issuer_direct_denied',
      `A build of the class ${trustClass ?? `"${build.event}"`} gets no ID token at compile time.`,
    )
  }
  const admissions = [...policy.entries.values()]
    .filter(({ isDirect, audiences }) => isDirect && audiences.includes(audience))
    .flatMap(({ name }) => admissionTo(policy, build, name))
  // Entries on trial count only where no other admits the build, as everywhere.
  const enforced = admissions.filter(({ mode }) => mode === 'enforce')
  const [admission, ...others] = enforced.length > 0 ? enforced : admissions
  if (!admission) {
    throw new Fault(
      'issuer_direct_denied',
      `No policy entry with \`direct: true\` admits this build for the audience "${audience}".`,
    )
  }
  if (others.length > 0) {
    const names = [admission, ...others].map(({ entry }) => entry.name).join(', ')
    throw new Fault(
      'policy_ambiguous',
      `More than one policy entry with \`direct: true\` admits this build for the audience "${audience}": ${names}.`,
      { hint: 'Give the entries different audiences, or ask for a request token by its entry.' },
    )
  }
  checkMode(admission)
  return admission.entry
}

function mayBeDirect(trustClass: TrustClass): boolean {
  return trustClass !== 'fork' && trustClass !== 'pull_request' && !trustClass.startsWith('params:')
}

function admissionTo(policy: Policy, build: Build, entryName: string): Admission[] {
  try {
    return [decide(policy, build, entryName)]
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}

function denialOf({ build, audience, runner }: DirectQuestion, fault: Fault): LedgerEvent {
  return {
    type: 'token.denied',
    decision: 'deny',
    reasons: [fault.code],
    detail: fault.message,
    trace: traceOf(build),
    build: referenceTo(build),
    token: { kind: 'id', aud: audience },
    caller: { door: 'secret', runner },
  }
}
