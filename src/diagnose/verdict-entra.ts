// What a refused exchange comes from, once more is known than Entra says: the public documents, the
// clocks, the credentials that there are, and whether the answer is always the same. Pure.
import type { FaultCode } from '../core/fault.ts'
import { describeMixture, findTelling, spreadingCodes } from './attempts.ts'
import { notableSkewMs, readRefusedTimes, serviceBeforeEntra, showSkew } from './clocks.ts'
import type { Attempt, Facts, FaultFact, IssuerProblem } from './facts.ts'
import { findNearest } from './nearest.ts'
import { toVerdict, type Verdict } from './to-verdict.ts'

type Refine = (facts: Facts, fault: FaultFact) => Partial<Verdict>

const refinements: Partial<Record<FaultCode, Refine>> = {
  azure_entra_credential_absent: compareCredentials,
  azure_entra_issuer_unknown: compareCredentials,
  azure_entra_subject_unknown: compareCredentials,
  azure_entra_subject_case: compareCredentials,
  azure_entra_audience_unknown: compareCredentials,
  azure_entra_issuer_unreadable: explainUnreadable,
  azure_entra_key_unknown: explainKey,
  azure_entra_signature_invalid: explainSignature,
  azure_entra_assertion_expired: explainTimes,
}

/** The verdict on the exchanges; undefined when none failed. */
export function judgeExchanges(facts: Facts): Verdict | undefined {
  const fault = findTelling(facts.exchanges)
  if (!fault) return undefined
  if (facts.exchanges.some((each) => !each.fault)) return judgeMixed(facts.exchanges, fault)
  return toVerdict(fault, refinements[fault.code]?.(facts, fault) ?? {})
}

function judgeMixed(attempts: readonly Attempt[], fault: FaultFact): Verdict {
  const mixture = describeMixture(attempts)
  if (spreadingCodes.has(fault.code)) {
    return toVerdict(fault, {
      code: 'azure_entra_propagating',
      trouble: 'propagating',
      sentence: `Entra takes the same ID token at one time and refuses it at another: ${mixture}. A change of the application or its credentials has not reached all of Entra yet; it refused with: ${fault.sentence}`,
      fix: 'Change nothing and wait: it takes up to ten minutes after the change (30 for a new key). If a credential was removed on purpose, the builds that still pass are about to fail.',
      exitCode: 5,
    })
  }
  return toVerdict(fault, {
    trouble: 'flaky',
    sentence: `The exchange works at one time and fails at another: ${mixture}. ${fault.sentence}`,
  })
}

// One answer that never changes is a refusal; only a list that has the credential, or an answer that
// does change, speaks for a change under way.
function compareCredentials(facts: Facts, fault: FaultFact): Partial<Verdict> {
  const { idToken, credentials } = facts
  const claims = idToken?.claims
  if (!claims) return { trouble: 'refused' }
  const { issuer, subject, audience } = claims
  const must = `issuer “${issuer}”, subject “${subject}”, audience “${audience}”`
  const app = `application ${idToken.who?.clientId ?? ''}`
  const nearest = credentials && findNearest(credentials, claims)
  if (!nearest) {
    const none = credentials ? `${app} has no federated credential at all. ` : ''
    return {
      trouble: 'refused',
      sentence: `${none}${fault.sentence}`,
      fix: `Make one federated credential of ${app} say exactly ${must}. ${hintOf(fault.code)}${waitedText(facts)}`,
    }
  }
  if (nearest.differences.length === 0) {
    return {
      code: 'azure_entra_propagating',
      trouble: 'propagating',
      sentence: `The credential “${nearest.name}” matches this ID token, and Entra does not know it yet. ${fault.sentence}`,
      fix: 'Change nothing and wait up to ten minutes.',
      exitCode: 5,
    }
  }
  const differences = nearest.differences.map(
    ({ field, says, must: wanted, how }) =>
      `its ${field} is “${says}” and must be “${wanted}” (they differ ${how})`,
  )
  return {
    trouble: 'refused',
    sentence: `${fault.sentence} The nearest credential of the application is “${nearest.name}”: ${differences.join('; ')}.`,
    fix: `Correct “${nearest.name}”, or create a credential on ${app} with exactly ${must}.`,
  }
}

function waitedText({ waitSeconds }: Facts): string {
  return waitSeconds > 0
    ? `It was refused for ${waitSeconds} s, so this is no matter of propagation.`
    : 'If it was created or changed within the last ten minutes, run `doctor --wait 600`, which tells propagation from refusal.'
}

function hintOf(code: FaultCode): string {
  if (code === 'azure_entra_issuer_unknown') {
    return 'None has this issuer: look for a slash at the end, for http in place of https, and for upper and lower case. '
  }
  if (code === 'azure_entra_subject_case') {
    return 'One has this subject in other upper and lower case. '
  }
  if (code === 'azure_entra_audience_unknown') {
    return 'Issuer and subject fit, the audience does not: it differs by cloud. '
  }
  if (code === 'azure_entra_subject_unknown') return 'The issuer fits, the subject does not. '
  return ''
}

function explainUnreadable({ issuer }: Facts): Partial<Verdict> {
  if (!issuer) return {}
  const [problem] = issuer.problems
  if (problem) return tell('Entra cannot read the issuer.', problem)
  const here = `${issuer.issuer} is in order as read from here, and Entra cannot read it:`
  if (issuer.needsOwnCa) {
    return {
      sentence: `${here} its certificate is trusted here because of \`ca_file\` only, and Entra does not know that CA.`,
      fix: 'Serve the issuer URL with a certificate of a public CA, or publish the documents elsewhere (`azure-storage-drone issuer publish`).',
    }
  }
  if (issuer.isPrivate) {
    return {
      sentence: `${here} its host has only private addresses, which the internet cannot reach.`,
      fix: 'Make the issuer URL readable from the internet, or publish the documents to a public place (`azure-storage-drone issuer publish`).',
    }
  }
  return {
    sentence: `${here} a firewall or an access rule lets this machine in and Entra not, or the trouble is over by now.`,
    fix: 'Let everybody read the discovery document and the keys; Entra calls from addresses nobody publishes.',
  }
}

function explainKey({ issuer, idToken }: Facts): Partial<Verdict> {
  const kid = idToken?.claims?.keyId ?? ''
  if (issuer?.isKeyPublished === true) {
    return {
      trouble: 'propagating',
      sentence: `The key ${kid} is published at ${issuer.issuer}, and Entra has not read it yet: it keeps an older copy of the keys.`,
      fix: 'Wait: Entra may need 30 minutes to see a new key. Keys should be published a day before they sign (`azure-storage-drone issuer keys` tells).',
    }
  }
  const problem = issuer?.problems.at(0)
  return problem
    ? { ...tell('Entra does not find the signing key.', problem), trouble: 'refused' }
    : {}
}

function explainSignature({ issuer }: Facts): Partial<Verdict> {
  if (!issuer) return {}
  if (issuer.isSignatureRight === true) {
    return {
      trouble: 'propagating',
      sentence: `The signature fits the key that is published at ${issuer.issuer} now, and not the one Entra read earlier under the same id.`,
      fix: 'Wait up to 30 minutes, and give every new key an id of its own (kid).',
    }
  }
  const [problem] = issuer.problems
  return problem ? tell('The signature of the ID token does not fit.', problem) : {}
}

function explainTimes({ clocks }: Facts, fault: FaultFact): Partial<Verdict> {
  const ahead = serviceBeforeEntra(clocks)
  const times = readRefusedTimes(fault.sentence)
  const byWords = times && describeTimes(times)
  if (ahead !== undefined && Math.abs(ahead) >= notableSkewMs) {
    return {
      sentence: `The clock of the trust service is ${showSkew(ahead)} that of Entra, so that ${byWords ?? 'its ID tokens are out of date when they are made'}.`,
      fix: 'Set the clock of the machine of the trust service right (NTP), then run again.',
    }
  }
  if (byWords === undefined) return {}
  return {
    sentence: `By the clock of Entra, ${byWords}; the clocks agree, so it was presented too late.`,
    fix: 'Ask for a fresh ID token right before the exchange; if a proxy keeps answers of the trust service, keep it from that.',
  }
}

function describeTimes({
  nowMs,
  fromMs,
  toMs,
}: {
  nowMs: number
  fromMs: number
  toMs: number
}): string {
  return nowMs < fromMs
    ? `the ID token begins ${Math.round((fromMs - nowMs) / 1000)} s later than Entra was asked`
    : `the ID token had ended ${Math.round((nowMs - toMs) / 1000)} s before Entra was asked`
}

function tell(what: string, { sentence, fix }: IssuerProblem): Partial<Verdict> {
  return { sentence: `${what} ${sentence}`, fix }
}
