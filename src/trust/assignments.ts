// The role assignments of one identity: one per scope and role, since Azure keeps no two of the same
// principal, role and scope. Grants that share one are joined in its condition.
import { can, type Grant } from '../policy/grant.ts'
import type { AccountPlace, Policy } from '../policy/schema.ts'
import type { PlacedEntry } from './audience.ts'
import { conditionLimitBytes, mergePrefixes, writeCondition } from './condition.ts'
import { findingAt, type Path, type TrustFinding } from './finding.ts'
import { describeOwned } from './ownership.ts'
import { delegatorRole, roleOf, type RoleReference } from './roles.ts'

/** A role assignment as it has to be; its id follows once the principal is known (`assignmentGuid`). */
export type DesiredAssignment = {
  /** The container or share, as a resource id. */
  scope: string
  role: RoleReference
  /** ABAC text, version 2.0; undefined when the role holds for the whole scope. */
  condition: string | undefined
  description: string
  /** The grants it serves, as `<entry>/<grant>`. */
  grants: string[]
}

type Need = { grant: Grant; name: string; path: Path; scope: string; role: RoleReference }

/** The assignments of the entries' one identity, and findings about grants that give none. */
export function listAssignments(
  { accounts }: Pick<Policy, 'accounts'>,
  entries: readonly PlacedEntry[],
  installation: string,
): { assignments: DesiredAssignment[]; findings: TrustFinding[] } {
  const needs: Need[] = []
  const findings: TrustFinding[] = []
  for (const { entry, index } of entries) {
    for (const [at, grant] of entry.grants.entries()) {
      const path = ['policies', index, 'grants', at]
      const name = `${entry.name}/${grant.id}`
      const role = roleOf(grant, installation)
      const place = accounts?.get(grant.account)
      if (!role) {
        const message = `The grant ${name} gives no role: only the gateway enforces it.`
        findings.push(findingAt('trust_gateway_only', path, message))
      } else if (!place) {
        const message = `The grant ${name} is in the account "${grant.account}", and \`accounts\` does not say where that is.`
        findings.push(findingAt('trust_account_unknown', [...path, 'account'], message))
      } else {
        needs.push({ grant, name, path, role, scope: scopeOf(grant, place) })
        if (grant.verbs.includes('sas.delegate')) {
          const scope = accountScope(grant.account, place)
          needs.push({ grant, name, path, role: delegatorRole(), scope })
        }
      }
    }
  }
  const groups = [...Map.groupBy(needs, ({ scope, role }) => `${scope} ${role.guid}`).values()]
  const assignments = groups.flatMap((group) => {
    const found = toAssignment(group, installation)
    findings.push(...found.findings)
    return found.assignments
  })
  return { assignments, findings }
}

/** The resource id of the container or share of a grant. */
export function scopeOf(
  { service, account, container }: Pick<Grant, 'service' | 'account' | 'container'>,
  { subscription, resourceGroup }: Pick<AccountPlace, 'subscription' | 'resourceGroup'>,
): string {
  const child =
    service === 'blob'
      ? `blobServices/default/containers/${container}`
      : `fileServices/default/fileshares/${container}`
  return `${accountScope(account, { subscription, resourceGroup })}/${child}`
}

function accountScope(
  account: string,
  { subscription, resourceGroup }: Pick<AccountPlace, 'subscription' | 'resourceGroup'>,
): string {
  return `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Storage/storageAccounts/${account}`
}

function toAssignment(
  group: readonly Need[],
  installation: string,
): { assignments: DesiredAssignment[]; findings: TrustFinding[] } {
  const [first] = group
  if (!first) return { assignments: [], findings: [] }
  const { scope, role } = first
  const grants = group.map(({ name }) => name)
  const isBounded = first.grant.service === 'blob' && role.dataActions.length > 0
  const condition = isBounded ? conditionOf(group, role) : undefined
  const findings: TrustFinding[] = []
  if (condition !== undefined && Buffer.byteLength(condition) > conditionLimitBytes) {
    const message = `The condition for ${grants.join(', ')} would have ${Buffer.byteLength(condition)} bytes.`
    findings.push(findingAt('trust_condition_long', first.path, message))
  }
  const description = describeOwned(installation, `Policy grants ${grants.join(', ')}`)
  return { assignments: [{ scope, role, condition, description, grants }], findings }
}

function conditionOf(group: readonly Need[], role: RoleReference): string | undefined {
  const prefixesOf = (...actions: ('read' | 'list' | 'write' | 'delete')[]) =>
    mergePrefixes(
      group
        .filter(({ grant }) => actions.some((action) => can(grant.verbs, action)))
        .map(({ grant }) => grant.prefix),
    )
  return writeCondition(group[0]?.grant.container ?? '', role.dataActions, {
    read: prefixesOf('read'),
    list: prefixesOf('list'),
    // Every grant of one role has the same of these two verbs.
    change: prefixesOf('write', 'delete'),
  })
}
