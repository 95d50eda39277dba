// The ID token of a trial: the production subject of a policy entry without a build behind it (DESIGN
// §5.15). Its record is on disk before anybody has the token, which never leaves this process but to Entra.
import type { Ledger } from '../audit/ledger.ts'
import { clouds } from '../azure/clouds.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { toNumericDate } from '../core/time.ts'
import type { Signer } from '../keys/signer.ts'
import { needApplied, type AppliedIdentity } from '../policy/applied.ts'
import { checkAudience } from '../policy/decide.ts'
import type { Policy, PolicyEntry } from '../policy/schema.ts'
import type { TrialRequest } from '../trust/admin-api.ts'
import { listEntrySubjects, type EnumeratedSubject } from '../trust/subjects.ts'
import { issuerOf } from './discovery.ts'

/** What the token of a trial needs of the world. */
export type TrialTokenDeps = {
  now: () => Date
  randomId: () => string
  ledger: Ledger
  signer: Signer
  policy: () => Policy
  issuerUrl: string
}

/** The token, and what it was minted for. */
export type TrialToken = {
  token: Secret
  entry: PolicyEntry
  identity: AppliedIdentity
  instance: string
  subject: string
  audience: string
  jti: string
}

// As for builds, against a clock of Entra's that is behind ours; and Entra sees the token at once.
const backdateSeconds = 60
const lifetimeSeconds = 300

/** Mints for an enumerated subject of an entry; throws trust_trial_unknown, policy_* or audit_unavailable. */
export async function mintTrialToken(
  deps: TrialTokenDeps,
  request: TrialRequest,
  admin: string,
): Promise<TrialToken> {
  try {
    return await mintKnown(deps, request, admin)
  } catch (error) {
    if (error instanceof Fault && error.code !== 'audit_unavailable') {
      await deps.ledger.append({
        type: 'trial.denied',
        decision: 'deny',
        rule: request.entry,
        reasons: [error.code],
        detail: error.message,
        principal: { sub: request.subject },
        caller: { door: 'admin', admin },
      })
    }
    throw error
  }
}

async function mintKnown(
  deps: TrialTokenDeps,
  request: TrialRequest,
  admin: string,
): Promise<TrialToken> {
  const { entry, found } = findSubject(deps.policy(), request)
  checkEnforced(entry)
  const audience = request.audience ?? usualAudience(entry)
  checkAudience(entry, audience)
  const identity = needApplied(entry)
  const { instance, subject } = found
  const jti = deps.randomId()
  const issuedAt = toNumericDate(deps.now())
  const exp = issuedAt + lifetimeSeconds
  const token = new Secret(
    await deps.signer.sign({
      ...describeRepository(entry, found),
      instance,
      trial: 'true',
      iss: issuerOf(deps.issuerUrl, instance),
      sub: subject,
      aud: audience,
      iat: issuedAt - backdateSeconds,
      nbf: issuedAt - backdateSeconds,
      exp,
      jti,
    }),
  )
  await deps.ledger.append({
    type: 'trial.begun',
    decision: 'allow',
    rule: entry.name,
    principal: { sub: subject },
    token: { kind: 'id', sha256: hashSecret(token), jti, aud: audience, exp },
    azure: { tenant: identity.tenantId, client_id: identity.clientId },
    trial: { instance },
    caller: { door: 'admin', admin },
  })
  return { token, entry, identity, instance, subject, audience, jti }
}

function findSubject(
  policy: Policy,
  { entry: name, subject, instance }: TrialRequest,
): { entry: PolicyEntry; found: EnumeratedSubject } {
  const entry = policy.entries.get(name)
  if (!entry) {
    throw new Fault(
      'trust_trial_unknown',
      `The policy in force here has no entry "${name}": nothing can be tried for it.`,
    )
  }
  const found = listEntrySubjects(entry, 0).subjects.find(
    (each) => each.subject === subject && (instance ?? each.instance) === each.instance,
  )
  if (found) return { entry, found }
  const where = instance === undefined ? '' : ` of the CI server "${instance}"`
  throw new Fault(
    'trust_trial_unknown',
    `By the policy in force here no build${where} under the entry "${name}" has the subject ${subject}.`,
  )
}

function checkEnforced({ name, mode }: PolicyEntry): void {
  if (mode === 'enforce') return
  throw new Fault(
    'policy_audit_only',
    `The policy entry "${name}" is on trial itself (mode: audit): nothing is issued for it, to nobody.`,
  )
}

const entraAudiences = new Set(Object.values(clouds).map((cloud) => cloud.federationAudience))

function usualAudience({ audiences }: PolicyEntry): string {
  return audiences.find((each) => entraAudiences.has(each)) ?? audiences[0] ?? ''
}

// A subject of a whole entry stands for several repositories: then none is named.
function describeRepository(
  entry: PolicyEntry,
  { path }: EnumeratedSubject,
): Record<string, string> {
  const builds = entry.subjects[Number(path.at(3))]
  if (entry.subjectForm !== 'repository' || !builds) return {}
  const { repository, repositoryId } = builds
  return {
    repository,
    repository_id: repositoryId,
    repository_owner: repository.slice(0, repository.lastIndexOf('/')),
  }
}
