// From the policy to what has to be in Azure, exactly: identities, their federated credentials, roles and
// role assignments. Pure; the same policy and issuer give the same names and ids for ever. Entries on
// trial give nothing, and neither do grants that only the gateway enforces.
import { clouds, type CloudName } from '../azure/clouds.ts'
import { keyOfIdentity } from '../policy/place.ts'
import type { AzureIdentity, Policy } from '../policy/schema.ts'
import { listAssignments, type DesiredAssignment } from './assignments.ts'
import { checkEntryAudience, findCloud, type PlacedEntry } from './audience.ts'
import type { TrustFinding } from './finding.ts'
import {
  applicationUniqueName,
  credentialName,
  describeOwned,
  installationOf,
} from './ownership.ts'
import { toDefinition, type DesiredRoleDefinition } from './roles.ts'
import { listEntrySubjects } from './subjects.ts'

/** What trust is planned from; the issuer URL is the service's, without a slash at its end. */
export type TrustInput = { policy: Policy; issuerUrl: string }

/** A federated credential as it has to be. */
export type DesiredCredential = {
  name: string
  issuer: string
  subject: string
  audience: string
  description: string
}

/** An application or managed identity as it has to be; without a client id it may have to be made. */
export type DesiredIdentity = {
  /** Its name in the policy file. */
  name: string
  tenantId: string
  cloud: CloudName
  clientId: string | undefined
  displayName: string
  kind: 'application' | 'managed_identity'
  /** Alternate key of an application that we make. */
  uniqueName: string
  /** Where a managed identity is. */
  resource:
    | { subscription: string; resourceGroup: string; location: string | undefined }
    | undefined
  credentials: DesiredCredential[]
  assignments: DesiredAssignment[]
}

/** Everything that has to be in Azure. */
export type DesiredState = {
  installation: string
  identities: DesiredIdentity[]
  roleDefinitions: DesiredRoleDefinition[]
}

/** The issuer of one CI instance, as the service puts it into tokens. */
export function issuerFor(issuerUrl: string, instance: string): string {
  return `${issuerUrl}/${instance}`
}

/** What has to be in Azure, and findings about whatever could not be worked out. */
export function toDesired({ policy, issuerUrl }: TrustInput): {
  desired: DesiredState
  findings: TrustFinding[]
} {
  const installation = installationOf(issuerUrl)
  const findings: TrustFinding[] = []
  const groups = Map.groupBy(listEnforced(policy), ({ entry }) => keyOfIdentity(entry))
  const identities = [...groups.values()].flatMap((entries) => {
    const [first] = entries
    if (!first) return []
    const found = findCloud(policy, entries)
    const credentials = listCredentials(entries, { issuerUrl, installation, cloud: found.cloud })
    const assignments = listAssignments(policy, entries, installation)
    findings.push(...found.findings, ...credentials.findings, ...assignments.findings)
    return [
      {
        ...toIdentity(first.entry.identity, installation, found.cloud),
        credentials: credentials.credentials,
        assignments: assignments.assignments,
      },
    ]
  })
  const desired = {
    installation,
    identities,
    roleDefinitions: listDefinitions(installation, identities),
  }
  return { desired, findings }
}

/** The entries that give something out, with their places in the file. */
export function listEnforced(policy: Policy): PlacedEntry[] {
  return [...policy.entries.values()]
    .map((entry, index) => ({ entry, index }))
    .filter(({ entry }) => entry.mode === 'enforce')
}

function toIdentity(
  identity: AzureIdentity,
  installation: string,
  cloud: CloudName,
): Omit<DesiredIdentity, 'credentials' | 'assignments'> {
  const { name, tenantId, clientId, subscription, resourceGroup, location } = identity
  const kind = identity.kind ?? 'application'
  const isPlaced = subscription !== undefined && resourceGroup !== undefined
  return {
    name,
    tenantId: tenantId.toLowerCase(),
    cloud,
    clientId: clientId?.toLowerCase(),
    displayName: identity.displayName ?? `azure-storage-drone-${name}`,
    kind,
    uniqueName: applicationUniqueName(installation, name),
    resource:
      kind === 'managed_identity' && isPlaced
        ? { subscription, resourceGroup, location }
        : undefined,
  }
}

function listCredentials(
  entries: readonly PlacedEntry[],
  { issuerUrl, installation, cloud }: { issuerUrl: string; installation: string; cloud: CloudName },
): { credentials: DesiredCredential[]; findings: TrustFinding[] } {
  const findings: TrustFinding[] = []
  type Origin = { issuer: string; subject: string; builds: Set<string>; entries: Set<string> }
  const bySubject = new Map<string, Origin>()
  for (const placed of entries) {
    const { isFederated, findings: more } = checkEntryAudience(placed, cloud)
    const listed = listEntrySubjects(placed.entry, placed.index)
    findings.push(...more, ...listed.findings)
    if (!isFederated) continue
    for (const { instance, subject, builds } of listed.subjects) {
      const issuer = issuerFor(issuerUrl, instance)
      const key = `${issuer} ${subject}`
      const origin = bySubject.get(key) ?? {
        issuer,
        subject,
        builds: new Set(),
        entries: new Set(),
      }
      origin.builds.add(builds)
      origin.entries.add(placed.entry.name)
      bySubject.set(key, origin)
    }
  }
  const credentials = [...bySubject.values()].map(
    ({ issuer, subject, builds, entries: names }) => ({
      name: credentialName(installation, issuer, subject),
      issuer,
      subject,
      audience: clouds[cloud].federationAudience,
      description: describeOwned(
        installation,
        `${[...builds].join(', ')} (policy ${[...names].join(', ')})`,
      ),
    }),
  )
  return { credentials, findings }
}

function listDefinitions(
  installation: string,
  identities: readonly DesiredIdentity[],
): DesiredRoleDefinition[] {
  const needs = identities.flatMap(({ tenantId, assignments }) =>
    assignments
      .filter(({ role }) => role.isCustom)
      .map(({ role, scope }) => ({ tenantId, role, group: resourceGroupOf(scope) })),
  )
  const byRole = Map.groupBy(needs, ({ tenantId, role }) => `${tenantId} ${role.guid}`)
  return [...byRole.values()].flatMap((same) => {
    const [first] = same
    if (!first) return []
    const scopes = same.map(({ group }) => group)
    return [toDefinition(first.role, installation, { tenantId: first.tenantId, scopes })]
  })
}

/** The resource group of a scope, as a resource id. */
export function resourceGroupOf(scope: string): string {
  return scope.slice(0, scope.indexOf('/providers/'))
}
