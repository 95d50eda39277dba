// What is not the cause of today's failure, or fails nobody yet, and is worth a word. Pure.
import { aheadOf, notableSkewMs, serviceBeforeEntra, showSkew } from './clocks.ts'
import type { Facts } from './facts.ts'
import type { Verdict } from './to-verdict.ts'

/** One warning; the code is stable. */
export type Warning = {
  code:
    | 'issuer'
    | 'issuer_private'
    | 'clock_here'
    | 'clock_service'
    | 'long_token'
    | 'managed_identity'
  sentence: string
}

const longTokenMs = 2 * 60 * 60 * 1000

/** All warnings beside a verdict. */
export function findWarnings(facts: Facts, verdict: Verdict): Warning[] {
  return [...issuerWarnings(facts, verdict), ...clockWarnings(facts), ...tokenWarnings(facts)]
}

function issuerWarnings({ issuer, exchanges }: Facts, verdict: Verdict): Warning[] {
  if (!issuer) return []
  const works = exchanges.some(({ fault }) => !fault)
  const until = works
    ? ' Entra still goes by an older copy; exchanges will fail once it reads it again.'
    : ''
  const problems = issuer.problems
    .filter(({ sentence }) => !verdict.sentence.includes(sentence))
    .map(({ sentence, fix }): Warning => ({
      code: 'issuer',
      sentence: `${sentence}${until} ${fix}`,
    }))
  const isRead = exchanges.some(({ fault }) => fault?.code !== 'azure_entra_issuer_unreadable')
  const isHidden = (issuer.isPrivate || issuer.needsOwnCa) && !isRead && exchanges.length === 0
  if (!isHidden) return problems
  const why = issuer.isPrivate
    ? 'its host has private addresses only'
    : 'its CA is not a public one'
  return [
    ...problems,
    {
      code: 'issuer_private',
      sentence: `Entra will not be able to read ${issuer.issuer}: ${why}.`,
    },
  ]
}

function clockWarnings({ clocks }: Facts): Warning[] {
  const found: Warning[] = []
  const service = serviceBeforeEntra(clocks)
  if (service !== undefined && Math.abs(service) >= notableSkewMs) {
    found.push({
      code: 'clock_service',
      sentence: `The clock of the trust service is ${showSkew(service)} that of Entra; from some minutes on its ID tokens are refused. Set it right (NTP).`,
    })
  }
  const others = (['Entra', 'storage', 'issuer', 'trust service'] as const)
    .map((who) => aheadOf(clocks, who))
    .filter((aheadMs) => aheadMs !== undefined)
  const [first] = others
  const isAlone =
    first !== undefined && others.every((aheadMs) => Math.abs(aheadMs - first) < notableSkewMs)
  if (isAlone && Math.abs(first) >= notableSkewMs) {
    found.push({
      code: 'clock_here',
      sentence: `The clock of this machine is ${showSkew(-first)} all others. Tokens are asked for too late or too often, and certificates may look out of date. Set it right (NTP).`,
    })
  }
  return found
}

function tokenWarnings(facts: Facts): Warning[] {
  return [...managedWarnings(facts), ...lifetimeWarnings(facts)]
}

function managedWarnings({ sources = [] }: Facts): Warning[] {
  const isManaged = sources.some(
    ({ source, state }) => source === 'managed identity' && state === 'used',
  )
  if (!isManaged) return []
  const sentence =
    'The identity is the machine’s: every step of every build on it, those of forks included, can become it. Prefer a request token, which is this build’s alone.'
  return [{ code: 'managed_identity', sentence }]
}

function lifetimeWarnings({ access }: Facts): Warning[] {
  if (!access || access.expiresAtMs - access.issuedAtMs < longTokenMs) return []
  const hours = Math.round((access.expiresAtMs - access.issuedAtMs) / 3_600_000)
  return [
    {
      code: 'long_token',
      sentence: `The access token lives for ${hours} hours, as those of managed identities do: it outlives the build. Prefer an application.`,
    },
  ]
}
