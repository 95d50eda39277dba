// What `doctor` says: one line for each link of the chain, warnings, and at the end one verdict and one
// thing to do. Tokens are never in the facts, so they cannot be in a report.
import { aheadOf, showSkew } from './clocks.ts'
import type { Attempt, Facts, FaultFact, Party } from './facts.ts'
import type { Verdict } from './to-verdict.ts'
import { findWarnings } from './warnings.ts'

/** One link: `open` was not looked at because something before it is missing. */
export type Link = { link: string; state: 'ok' | 'failed' | 'mixed' | 'open'; says: string }

/** The report as lines for people. */
export function writeReport(facts: Facts, verdict: Verdict): string[] {
  const links = toLinks(facts)
  const width = Math.max(...links.map(({ link }) => link.length))
  const marks = { ok: 'ok    ', failed: 'FAILED', mixed: 'MIXED ', open: '-     ' }
  return [
    ...links.map(({ link, state, says }) => `${marks[state]} ${link.padEnd(width)}  ${says}`),
    ...findWarnings(facts, verdict).map(({ code, sentence }) => `warning: ${code} ${sentence}`),
    `verdict: ${verdict.code} ${verdict.sentence}`,
    `what to do: ${verdict.fix}`,
  ]
}

/** The same as one JSON document. */
export function toReportJson(facts: Facts, verdict: Verdict): string {
  return JSON.stringify({
    verdict,
    warnings: findWarnings(facts, verdict),
    links: toLinks(facts),
    facts,
  })
}

/** Every link of the chain in order. */
export function toLinks(facts: Facts): Link[] {
  const { token, idToken, issuer, exchanges, access, account } = facts
  return [
    single('settings', facts.settings, 'are in order'),
    ...(facts.sources ? [describeSources(facts.sources)] : []),
    ...(token.fault || token.serviceUrl !== undefined
      ? [
          single(
            'request token',
            token.fault,
            `names ${token.serviceUrl}${token.isPinned ? ' and pins its CA' : ''}${clockOf(facts, 'trust service')}`,
          ),
        ]
      : []),
    idToken ? single('ID token', idToken.fault, describeIdToken(facts)) : open('ID token'),
    issuer ? describeIssuer(facts) : open('issuer'),
    repeated('exchange', exchanges, `${describeWho(facts)}${clockOf(facts, 'Entra')}`),
    access
      ? { link: 'access token', state: 'ok', says: describeAccess(facts) }
      : open('access token'),
    account
      ? single(
          'account',
          account.fault,
          `${account.host} ${describeTenant(facts)}${clockOf(facts, 'storage')}`,
        )
      : open('account'),
    repeated(
      'read',
      facts.reads,
      `one listing below “${account?.prefix}” of ${account?.container}`,
    ),
    ...(facts.create ? [repeated('write', [facts.create], 'made a probe')] : []),
    ...(facts.remove ? [repeated('remove', [facts.remove], 'removed the probe')] : []),
  ]
}

// The one in use, those behind it that are configured too, and what would configure the others.
function describeSources(sources: NonNullable<Facts['sources']>): Link {
  const used = sources.find(({ state }) => state === 'used')
  const others = sources
    .filter(({ state }) => state !== 'used')
    .map(({ source, state, why }) => `${source} ${state}: ${why}`)
  const first = used ? `${used.source}: ${used.why}` : 'none is configured'
  return {
    link: 'identity',
    state: used ? 'ok' : 'failed',
    says: `from the ${[first, ...others].join('; ')}`.replace(/^from the none/, 'none'),
  }
}

function single(link: string, fault: FaultFact | undefined, says: string): Link {
  return fault
    ? { link, state: 'failed', says: `${fault.code}: ${fault.sentence}` }
    : { link, state: 'ok', says }
}

function repeated(link: string, attempts: readonly Attempt[], says: string): Link {
  if (attempts.length === 0) return open(link)
  const failed = attempts.filter(({ fault }) => fault)
  const last = failed.at(-1)?.fault
  const times = attempts.length > 1 ? ` (${failed.length} of ${attempts.length} tries failed)` : ''
  if (!last) return { link, state: 'ok', says }
  const state = failed.length < attempts.length ? 'mixed' : 'failed'
  return { link, state, says: `${last.code}${times}: ${last.sentence}` }
}

function open(link: string): Link {
  return { link, state: 'open', says: 'not looked at: something before it is missing' }
}

function describeIdToken({ idToken }: Facts): string {
  const { claims, who } = idToken ?? {}
  if (!claims) return ''
  const until = new Date(claims.expiresAtMs).toISOString()
  const name = who?.name ? ` for the identity “${who.name}”` : ''
  return `iss ${claims.issuer}, sub ${claims.subject}, aud ${claims.audience}, kid ${claims.keyId}, exp ${until}${name}`
}

function describeIssuer(facts: Facts): Link {
  const { issuer } = facts
  const [problem] = issuer?.problems ?? []
  if (problem) return { link: 'issuer', state: 'failed', says: problem.sentence }
  const key = issuer?.isKeyPublished ? ', the signing key is published and fits' : ''
  const clock = clockOf(facts, 'issuer')
  return { link: 'issuer', state: 'ok', says: `${issuer?.issuer} is well formed${key}${clock}` }
}

function describeWho({ idToken }: Facts): string {
  const who = idToken?.who
  return who ? `application ${who.clientId} in tenant ${who.tenantId}` : ''
}

function describeAccess({ access }: Facts): string {
  if (!access) return ''
  const until = new Date(access.expiresAtMs).toISOString()
  return `tid ${access.tenantId}, aud ${access.audience}, oid ${access.objectId}, exp ${until}`
}

function describeTenant({ account }: Facts): string {
  return account?.tenantId === undefined
    ? 'answers, and does not name its tenant'
    : `trusts tenant ${account.tenantId}`
}

function clockOf({ clocks }: Facts, who: Party): string {
  const aheadMs = aheadOf(clocks, who)
  if (aheadMs === undefined || Math.abs(aheadMs) < 2_000) return ''
  return `; its clock is ${showSkew(aheadMs)} this machine’s`
}
