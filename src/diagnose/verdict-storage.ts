// What a refusal of storage comes from, once token, tenant, container and repeated tries are put side by
// side (facts/federation.md §2.1). Pure.
import type { FaultCode } from '../core/fault.ts'
import { describeMixture, findTelling } from './attempts.ts'
import type { Attempt, Facts, FaultFact } from './facts.ts'
import { toVerdict, type Verdict } from './to-verdict.ts'

// The resource by its URL and by the id of its application.
const storageAudiences = ['https://storage.azure.com', 'e406a681-f3d4-42a8-90b6-c2b029497af1']

/** The verdict on the access token; undefined when nothing is wrong with it. */
export function judgeAccess({ access, account, idToken }: Facts): Verdict | undefined {
  if (!access) return undefined
  const home = account?.tenantId
  if (home !== undefined && home.toLowerCase() !== access.tenantId.toLowerCase()) {
    return toVerdict(bare('azure_storage_token_refused'), {
      sentence: `The identity is of tenant ${access.tenantId}, and the account ${account?.host} trusts tenant ${home} only.`,
      fix: `Register the application in tenant ${home} and name it in the policy, or name an account of tenant ${access.tenantId}; ${idToken?.who?.name ? `the identity is “${idToken.who.name}”` : 'see `tenant_id`'}.`,
    })
  }
  if (!storageAudiences.includes(access.audience.replace(/\/$/, ''))) {
    return toVerdict(bare('azure_storage_token_refused'), {
      sentence: `The access token is for “${access.audience}” and not for storage.`,
      fix: 'Check `cloud` and `authority_host`: something other than Entra may have answered.',
    })
  }
  return undefined
}

/** The verdict on reading; undefined when all went well. */
export function judgeReads(facts: Facts): Verdict | undefined {
  const { reads, properties } = facts
  const fault = findTelling(reads) ?? properties?.fault
  if (!fault) return undefined
  // Some roles may list and not read the container's own properties: that is no fault.
  if (reads.length > 0 && reads.every((each) => !each.fault)) return undefined
  if (reads.some((each) => !each.fault)) return judgeMixed(reads, fault, 'Reading')
  if (fault.code === 'azure_storage_role_missing') return explainRole(facts, fault)
  if (fault.code === 'azure_storage_token_refused') return explainToken(facts, fault)
  return toVerdict(fault, passing(fault, reads))
}

/** The verdict on writing and removing; undefined when both went well or were not asked for. */
export function judgeWrites({ create, remove, access, account }: Facts): Verdict | undefined {
  const fault = create?.fault ?? remove?.fault
  if (!fault) return undefined
  if (fault.code !== 'azure_storage_role_missing') return toVerdict(fault)
  const what = create?.fault ? 'may read and not write' : 'may write and not remove'
  return toVerdict(fault, {
    sentence: `The identity (object id ${access?.objectId}) ${what} below “${account?.prefix}” of ${account?.container}: ${fault.sentence}`,
    fix: `Assign ${roleFor(account?.service, 'Contributor')} on the ${placeOf(account?.service)} if builds are to write; a Reader role is enough for reading only.`,
  })
}

function explainRole(
  { access, account, properties, waitSeconds }: Facts,
  fault: FaultFact,
): Verdict {
  const who = `The identity (object id ${access?.objectId}, application ${access?.clientId})`
  const place = placeOf(account?.service)
  const where = `the ${place} “${account?.container}” of ${account?.host}`
  const isConditional = account?.service === 'blob' && properties !== undefined && !properties.fault
  if (isConditional) {
    return toVerdict(fault, {
      sentence: `${who} has a role on ${where}, and its condition does not allow the path “${account.prefix}”: ${fault.sentence}`,
      fix: 'Use a target below the prefix of the grant (letters of both cases count, and so does the slash at its end), or widen the grant in the policy and apply it.',
    })
  }
  const waited =
    waitSeconds > 0
      ? `It was refused for ${waitSeconds} s, so this is no matter of propagation.`
      : 'If it was assigned within the last ten minutes, run `doctor --wait 600`, which tells propagation from refusal.'
  return toVerdict(fault, {
    sentence: `${who} has no data role on ${where} (a role on another ${place}, or Owner or Contributor of the account, does not count): ${fault.sentence}`,
    fix: `Assign ${roleFor(account?.service, 'Reader')} or Contributor to this object id on this ${place}. ${waited}`,
  })
}

function explainToken({ access, account }: Facts, fault: FaultFact): Verdict {
  const isLate = /expired|clock/.test(fault.sentence)
  const facts = `The token is of tenant ${access?.tenantId}, for ${access?.audience}; the account trusts tenant ${account?.tenantId ?? '(it did not say)'}.`
  return toVerdict(fault, {
    trouble: isLate ? 'expired' : 'refused',
    sentence: `${fault.sentence} ${facts}`,
    ...(isLate && { fix: 'Compare the clocks above; a fresh token is asked for on every run.' }),
  })
}

function judgeMixed(attempts: readonly Attempt[], fault: FaultFact, doing: string): Verdict {
  const mixture = describeMixture(attempts)
  if (fault.code === 'azure_storage_role_missing') {
    return toVerdict(fault, {
      code: 'azure_storage_role_propagating',
      trouble: 'propagating',
      sentence: `${doing} is allowed at one time and refused at another: ${mixture}. The role assignment has not reached all of storage yet.`,
      fix: 'Change nothing and wait: an assignment takes up to ten minutes, seldom 30. If it was removed on purpose, the builds that still pass are about to fail.',
      exitCode: 5,
    })
  }
  return toVerdict(fault, {
    trouble: 'flaky',
    sentence: `${doing} works at one time and fails at another: ${mixture}. ${fault.sentence}`,
    ...(fault.code === 'azure_storage_network_blocked' && {
      fix: 'This network leaves by several addresses, and the firewall of the account knows only some of them, or a rule was changed within the last minute.',
    }),
  })
}

function passing({ sentence, details }: FaultFact, reads: readonly Attempt[]): Partial<Verdict> {
  const status = Number(details['httpStatus'] ?? 0)
  if (reads.length < 2 || !(status >= 500 || status === 429)) return {}
  return { sentence: `${sentence} So it was ${reads.length} times of ${reads.length}.` }
}

function bare(code: FaultCode): FaultFact {
  return { code, sentence: '', hint: '', details: {} }
}

function placeOf(service: 'blob' | 'files' = 'blob'): string {
  return service === 'blob' ? 'container' : 'share'
}

function roleFor(service: 'blob' | 'files' = 'blob', kind: 'Reader' | 'Contributor'): string {
  return service === 'blob' ? `Storage Blob Data ${kind}` : `Storage File Data Privileged ${kind}`
}
