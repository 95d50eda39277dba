// The Azure role of a grant by id: built-in ones, and custom ones whose ids follow from their actions
// (facts/federation.md §3.1).
import type { Grant } from '../policy/grant.ts'
import { findRole } from '../policy/roles.ts'
import { armGuid } from './guid.ts'
import { describeOwned } from './ownership.ts'

/** A role as an assignment refers to it. */
export type RoleReference = {
  guid: string
  name: string
  isCustom: boolean
  /** Every data action it gives. */
  dataActions: readonly string[]
}

/** A custom role that has to be there. */
export type DesiredRoleDefinition = {
  tenantId: string
  guid: string
  name: string
  description: string
  dataActions: readonly string[]
  /** Resource groups it may be assigned in, as resource ids, sorted. */
  assignableScopes: readonly string[]
}

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'

const builtInRoles: Readonly<Record<string, { guid: string; more: readonly string[] }>> = {
  'Storage Blob Data Reader': { guid: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', more: [] },
  'Storage Blob Data Contributor': {
    guid: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
    // A condition has to name what the role gives beyond our verbs' actions, too.
    more: [`${blobs}/move/action`],
  },
  'Storage Blob Delegator': { guid: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a', more: [] },
  'Storage File Data Privileged Reader': { guid: 'b8eda974-7b85-4f76-af95-65846b26df6d', more: [] },
  'Storage File Data Privileged Contributor': {
    guid: '69566ab7-960f-475b-8e7c-b3118f30c6bd',
    more: [
      'Microsoft.Storage/storageAccounts/fileServices/fileshares/files/modifypermissions/action',
    ],
  },
}

/** The role that gives the grant's verbs and as little more as there is; undefined when a gateway enforces it. */
export function roleOf(grant: Grant, installation: string): RoleReference | undefined {
  const role = findRole(grant)
  if (!role) return undefined
  const builtIn = role.builtIn === undefined ? undefined : builtInRoles[role.builtIn]
  if (role.builtIn !== undefined && builtIn) {
    const dataActions = [...role.dataActions, ...builtIn.more]
    return { guid: builtIn.guid, name: role.builtIn, isCustom: false, dataActions }
  }
  const words = ['read', 'write', 'delete'].filter((word) =>
    role.dataActions.some((action) => action.endsWith(`/${word}`)),
  )
  const name = `Azure Storage Drone ${installation} ${grant.service} ${words.join('+')}`
  const guid = armGuid('azure-storage-drone', installation, ...role.dataActions)
  return { guid, name, isCustom: true, dataActions: role.dataActions }
}

/** The role to sign links with, on the whole account: what a link reaches is bounded by its maker's own roles. */
export function delegatorRole(): RoleReference {
  const name = 'Storage Blob Delegator'
  return { guid: builtInRoles[name]?.guid ?? '', name, isCustom: false, dataActions: [] }
}

/** The definition of a custom role for these resource groups. */
export function toDefinition(
  role: RoleReference,
  installation: string,
  { tenantId, scopes }: { tenantId: string; scopes: readonly string[] },
): DesiredRoleDefinition {
  const { guid, name, dataActions } = role
  const description = describeOwned(
    installation,
    'Data actions of a policy grant that no built-in role has',
  )
  return {
    tenantId,
    guid,
    name,
    description,
    dataActions,
    assignableScopes: [...new Set(scopes)].toSorted(),
  }
}
