// The policy file: YAML, data and not a program. Deny by default, unknown keys are errors, and every
// mistake, of form and of meaning, is reported at once with its line and column.
import { parseDurationSeconds } from '../core/time.ts'
import type { TrustClass } from '../identity/trust-class.ts'
import { compileIndex, type PolicyIndex } from './compile.ts'
import {
  type cloudNames,
  fileSchema,
  type identityKinds,
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

/** What builds may become in Entra: an application or a managed identity. */
export type AzureIdentity = {
  name: string
  tenantId: string
  /** Absent until `trust apply` has made it: nothing is issued for it before. */
  clientId?: string
  /** An application when left out. */
  kind?: (typeof identityKinds)[number]
  displayName?: string
  /** Where a managed identity is. */
  subscription?: string
  resourceGroup?: string
  location?: string
}

/** Where a storage account is in Azure. */
export type AccountPlace = {
  subscription: string
  resourceGroup: string
  cloud: (typeof cloudNames)[number]
}

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
export type Policy = {
  entries: ReadonlyMap<string, PolicyEntry>
  index?: PolicyIndex
  /** Storage accounts by name, as far as the file says where they are. */
  accounts?: ReadonlyMap<string, AccountPlace>
  /** What the person who loads the file should know, one sentence each. */
  notices?: readonly string[]
}

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
  const file = checked.value
  return {
    ...toPolicy(file.policies.map((entry) => toEntry(file, entry))),
    accounts: new Map(
      Object.entries(file.accounts ?? {}).map(([name, account]) => [name, toPlace(account)]),
    ),
    notices: findNotices(file),
  }
}

/** A policy of these entries, indexed. */
export function toPolicy(list: readonly PolicyEntry[]): Policy {
  const entries = new Map(list.map((entry) => [entry.name, entry]))
  return { entries, index: compileIndex(entries) }
}

function toPlace(account: NonNullable<PolicyFile['accounts']>[string]): AccountPlace {
  const { subscription, resource_group: group, cloud = 'public' } = account
  return { subscription: subscription.toLowerCase(), resourceGroup: group, cloud }
}

function findNotices(file: PolicyFile): string[] {
  return Object.entries(file.identities)
    .filter(([, { client_id: clientId }]) => clientId === undefined)
    .map(
      ([name]) =>
        `The identity "${name}" has no client_id yet: nothing is issued for it until \`trust apply\` has made it.`,
    )
}

function toIdentity(
  name: string,
  file: PolicyFile['identities'][string] | undefined,
): AzureIdentity {
  const { tenant_id: tenantId = '', client_id: clientId, kind, location } = file ?? {}
  const { display_name: displayName, subscription, resource_group: group } = file ?? {}
  return {
    name,
    tenantId,
    ...(clientId !== undefined && { clientId }),
    ...(kind !== undefined && { kind }),
    ...(displayName !== undefined && { displayName }),
    ...(subscription !== undefined && { subscription: subscription.toLowerCase() }),
    ...(group !== undefined && { resourceGroup: group }),
    ...(location !== undefined && { location }),
  }
}

function toEntry(file: PolicyFile, entry: PolicyFile['policies'][number]): PolicyEntry {
  return {
    name: entry.name,
    mode: entry.mode ?? 'enforce',
    subjects: entry.subjects.map(({ repository_id: repositoryId, ...rest }) => ({
      ...rest,
      repositoryId,
    })),
    subjectForm: entry.subject ?? 'repository',
    identity: toIdentity(entry.identity, file.identities[entry.identity]),
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
