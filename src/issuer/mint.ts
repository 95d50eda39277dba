// The exchange of a request token for an ID token (JWT, RFC 7519): everything is checked again at
// this moment, and the ledger record is on disk before the token leaves.
import { referenceTo, traceOf, type LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import type { Build } from '../ci/build.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { toNumericDate } from '../core/time.ts'
import { toClaims } from '../identity/claims.ts'
import type { Signer } from '../keys/signer.ts'
import { needApplied, type AppliedIdentity } from '../policy/applied.ts'
import { checkAudience, checkMode, decide, type Admission } from '../policy/decide.ts'
import { longestLifetimeSeconds, type Policy } from '../policy/schema.ts'
import type { RequestTokenRow, Store } from '../store/store.ts'
import { issuerOf } from './discovery.ts'
import { expiryOf, parsePayload, type TokenPayload } from './request-token.ts'
import { confirmByWitness, type Confirmation, type Witnesses } from './witness.ts'

/** What minting needs of the world. */
export type MintDeps = {
  now: () => Date
  sleep: (milliseconds: number) => Promise<void>
  randomId: () => string
  store: Pick<Store, 'findRequestToken' | 'findBuild'>
  ledger: Ledger
  signer: Signer
  policy: () => Policy
  witnesses: Witnesses
  issuerUrl: string
}

/** A minted ID token and the identity it is meant for. */
export type Minted = {
  token: Secret
  identity: AppliedIdentity
  subject: string
  audience: string
  jti: string
  /** 32 hex digits that all records of the build share. */
  trace: string
}

// Entra's allowance for clock skew is not documented: the token is valid a minute before it is made.
const backdateSeconds = 60

/** An ID token for the holder of a request token; throws issuer_*, policy_*, identity_* or audit_unavailable. */
export async function mint(
  deps: MintDeps,
  bearer: Secret,
  audiences: readonly string[],
): Promise<Minted> {
  const audience = soleAudience(audiences)
  const row = await deps.store.findRequestToken(hashSecret(bearer))
  if (!row) {
    throw new Fault(
      'issuer_token_unknown',
      'This request token is none that this service handed out, or it is long over.',
    )
  }
  const payload = parsePayload(row.payload)
  try {
    checkExpiry(deps, row.expiresAt)
    return await mintFor(deps, payload, audience, row)
  } catch (error) {
    if (error instanceof Fault && error.code !== 'audit_unavailable') {
      await deps.ledger.append(denial(payload, audience, row.tokenHash, error))
    }
    throw error
  }
}

async function mintFor(
  deps: MintDeps,
  payload: TokenPayload,
  audience: string,
  row: RequestTokenRow,
): Promise<Minted> {
  if (payload.kind === 'refusal') {
    throw new Fault(payload.code, payload.sentence, { hint: payload.hint })
  }
  return mintForBuild(deps, payload, audience, {
    caller: { door: 'id-token' },
    detail: `Exchanged for the request token ${row.tokenHash.slice(0, 12)}...`,
    checkBuild: (build) => checkExpiry(deps, expiryOf(build, row.issuedAt)),
  })
}

/** What is told about a mint, and what else must hold of the build as the server knows it. */
export type MintOccasion = Pick<LedgerEvent, 'caller' | 'detail'> & {
  checkBuild?: (build: Build) => void
}

/** An ID token for a build under one entry: witness, policy, audience, and the record before the token. */
export async function mintForBuild(
  deps: MintDeps,
  grant: { entry: string; build: Build },
  audience: string,
  { checkBuild, ...occasion }: MintOccasion,
): Promise<Minted> {
  // Facts that identify a build are compared; all others are the server's word, not the runner's.
  const { build, verifiedBy } = await confirmByWitness(deps, grant.build)
  checkBuild?.(build)
  // The policy may have narrowed since the token was handed out: today's file decides.
  const admission = decide(deps.policy(), build, grant.entry)
  checkMode(admission)
  checkAudience(admission.entry, audience)
  const identity = needApplied(admission.entry)
  const claims = claimsFor(deps, build, admission, { audience, verifiedBy })
  const { jti } = claims
  const trace = traceOf(build)
  const token = new Secret(await deps.signer.sign(claims))
  await deps.ledger.append({
    ...occasion,
    type: 'token.issued',
    decision: 'allow',
    rule: admission.entry.name,
    trace,
    build: referenceTo(build, admission.trustClass),
    principal: { sub: admission.subject },
    token: { kind: 'id', sha256: hashSecret(token), jti, aud: audience, exp: claims.exp },
    azure: { tenant: identity.tenantId, client_id: identity.clientId },
  })
  return { token, identity, subject: admission.subject, audience, jti, trace }
}

function checkExpiry({ now }: MintDeps, expiresAt: Date): void {
  if (expiresAt > now()) return
  throw new Fault(
    'issuer_token_expired',
    `The request token expired at ${expiresAt.toISOString()}, when its build could no longer run.`,
  )
}

function soleAudience(audiences: readonly string[]): string {
  const [audience] = audiences
  if (audience === undefined || audience === '') {
    throw new Fault('issuer_audience_missing', 'The request names no audience for the ID token.')
  }
  if (audiences.length > 1) {
    throw new Fault('issuer_audience_repeated', 'The request names more than one audience.')
  }
  return audience
}

function claimsFor(
  deps: MintDeps,
  build: Build,
  admission: Admission,
  { audience, verifiedBy }: { audience: string; verifiedBy: Confirmation['verifiedBy'] },
) {
  const issuedAt = toNumericDate(deps.now())
  return {
    ...toClaims(build, admission.trustClass, verifiedBy),
    iss: issuerOf(deps.issuerUrl, build.instance),
    sub: admission.subject,
    aud: audience,
    iat: issuedAt - backdateSeconds,
    nbf: issuedAt - backdateSeconds,
    // The whole life, the backdated minute included, stays within ten minutes.
    exp:
      issuedAt +
      Math.min(admission.entry.lifetimeSeconds, longestLifetimeSeconds - backdateSeconds),
    jti: deps.randomId(),
  }
}

function denial(
  payload: TokenPayload,
  audience: string,
  tokenHash: string,
  fault: Fault,
): LedgerEvent {
  return {
    type: 'token.denied',
    decision: 'deny',
    ...(payload.kind === 'grant' ? { rule: payload.entry } : {}),
    reasons: [fault.code],
    detail: fault.message,
    trace: traceOf(payload.build),
    build: referenceTo(payload.build),
    token: {
      kind: payload.kind === 'grant' ? 'request' : 'refusal',
      sha256: tokenHash,
      aud: audience,
    },
    caller: { door: 'id-token' },
  }
}
