// The policy file: YAML, data and not a program. Deny by default, unknown keys are errors, and every
// mistake, of form and of meaning, is reported at once with its line and column.
import { parseDurationSeconds } from '../core/time.ts'
import type { TrustClass } from '../identity/trust-class.ts'
import { compileIndex, type PolicyIndex } from './compile.ts'
import {
  fileSchema,
  keysAt,
  longestLifetimeSeconds,
  modes,
  subjectForms,
  type PolicyFile,
} from './file-form.ts'
import { findMistakes } from './file-meaning.ts'
import { checkForm } from './form.ts'
import { closeVerbs, findEnforcer, type Grant } from './grant.ts'
import { readYaml, toFault } from './source.ts'

export { longestLifetimeSeconds }

/** An Entra application that builds may become. */
export type AzureIdentity = { name: string; tenantId: string; clientId: string }

/** Builds an entry trusts: all fields must match. */
export type PolicySubject = {
  instance: string
  repositoryId: string
  repository: string
  events: readonly TrustClass[]
  refs: readonly string[]
}

/** `enforce` gives identities out; `audit` is an entry on trial: recorded as would-be, nothing issued. */
export type PolicyMode = (typeof modes)[number]

/** What the `sub` of an entry's builds is made of. */
export type SubjectForm = (typeof subjectForms)[number]

/** One entry: these builds may become this identity towards these audiences, for so long. */
export type PolicyEntry = {
  name: string
  mode: PolicyMode
  subjects: readonly PolicySubject[]
  subjectForm: SubjectForm
  identity: AzureIdentity
  audiences: readonly string[]
  lifetimeSeconds: number
  /** Whether the secret extension may hand out a plain ID token. */
  isDirect: boolean
  grants: readonly Grant[]
}

/** A loaded policy file; the index makes its decisions quick. */
export type Policy = { entries: ReadonlyMap<string, PolicyEntry>; index?: PolicyIndex }

/** What the loader has to know of the service. */
export type PolicyOptions = {
  /** Whether a gateway serves grants that no Azure role can enforce. */
  gatewayServes?: boolean
}

/** Reads a policy file; throws config_invalid with every mistake in it. */
export function parsePolicy(text: string, { gatewayServes = false }: PolicyOptions = {}): Policy {
  const what = 'policy file'
  const source = readYaml(text, what)
  const checked = checkForm(fileSchema, source.value, keysAt)
  const problems = [...checked.problems, ...findMistakes(source.value, gatewayServes)]
  if (problems.length > 0 || !('value' in checked)) throw toFault(what, source, problems)
  return toPolicy(checked.value.policies.map((entry) => toEntry(checked.value, entry)))
}

/** A policy of these entries, indexed. */
export function toPolicy(list: readonly PolicyEntry[]): Policy {
  const entries = new Map(list.map((entry) => [entry.name, entry]))
  return { entries, index: compileIndex(entries) }
}

function toEntry(file: PolicyFile, entry: PolicyFile['policies'][number]): PolicyEntry {
  const { tenant_id: tenantId = '', client_id: clientId = '' } =
    file.identities[entry.identity] ?? {}
  return {
    name: entry.name,
    mode: entry.mode ?? 'enforce',
    subjects: entry.subjects.map(({ repository_id: repositoryId, ...rest }) => ({
      ...rest,
      repositoryId,
    })),
    subjectForm: entry.subject ?? 'repository',
    identity: { name: entry.identity, tenantId, clientId },
    audiences: entry.audiences,
    lifetimeSeconds: parseDurationSeconds(entry.lifetime ?? '') ?? longestLifetimeSeconds,
    isDirect: entry.direct ?? false,
    grants: (entry.grants ?? []).map((grant) => toGrant(grant)),
  }
}

function toGrant(grant: NonNullable<PolicyFile['policies'][number]['grants']>[number]): Grant {
  const rest = {
    service: grant.service,
    prefix: grant.prefix ?? '',
    verbs: closeVerbs(grant.verbs),
  }
  return {
    id: grant.id,
    account: grant.account,
    container: grant.service === 'blob' ? grant.container : grant.share,
    ...rest,
    enforcedBy: findEnforcer(rest).enforcedBy,
  }
}
