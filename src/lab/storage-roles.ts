// The lab's role assignments for blob data: built-in roles and ones with actions of their own, account
// or container scope, and the path condition of facts/federation.md §3.3.
import { randomUUID } from 'node:crypto'

import type { DataAction, StorageOperation, StorageTarget } from './storage-operations.ts'

const reads: DataAction[] = [
  'containers/read',
  'containers/blobs/read',
  'generateUserDelegationKey',
]
const changes: DataAction[] = [
  'containers/write',
  'containers/delete',
  'containers/blobs/write',
  'containers/blobs/delete',
]
const tags: DataAction[] = ['containers/blobs/tags/read', 'containers/blobs/tags/write']

const roleActions: Readonly<Record<StorageRole, DataAction[]>> = {
  'Storage Blob Delegator': ['generateUserDelegationKey'],
  'Storage Blob Data Reader': reads,
  'Storage Blob Data Contributor': [...reads, ...changes],
  'Storage Blob Data Owner': [...reads, ...changes, ...tags],
}

/** The built-in roles the lab knows. */
export type StorageRole =
  | 'Storage Blob Delegator'
  | 'Storage Blob Data Reader'
  | 'Storage Blob Data Contributor'
  | 'Storage Blob Data Owner'

/** Who may do what where; without a container it holds for the whole account. */
export type RoleAssignment = {
  principalId: string
  /** A built-in role; one of our own making has `actions` instead. */
  role?: StorageRole
  actions?: readonly DataAction[]
  /** What a condition makes of one call for blobs; a listing is judged by its prefix. */
  allows?: (action: DataAction, path: string, isList: boolean) => boolean
  account: string
  container?: string
  /** Case-sensitive start of the blob path and of the list prefix. */
  pathPrefix?: string
}

/** The assignments in force; changes count from the next call on. */
export type RoleBook = {
  assign: (assignment: RoleAssignment) => string
  remove: (id: string) => void
  allows: (principalId: string, target: StorageTarget, operation: StorageOperation) => boolean
}

/** Makes an empty book, which allows nothing. */
export function createRoleBook(): RoleBook {
  const assignments = new Map<string, RoleAssignment>()
  return {
    assign(assignment) {
      const id = randomUUID()
      assignments.set(id, { ...assignment })
      return id
    },
    remove(id) {
      if (!assignments.delete(id)) throw new RangeError(`there is no role assignment ${id}`)
    },
    allows: (principalId, target, operation) =>
      operation.actions.every((action) =>
        assignments
          .values()
          .filter((each) => each.principalId === principalId && isInScope(each, target))
          .some((each) => grants(each, action, target, operation)),
      ),
  }
}

function isInScope(assignment: RoleAssignment, target: StorageTarget): boolean {
  const { account, container } = assignment
  return account === target.account && (container === undefined || container === target.container)
}

function grants(
  { role, actions, allows, pathPrefix }: RoleAssignment,
  action: DataAction,
  target: StorageTarget,
  operation: StorageOperation,
): boolean {
  const given = actions ?? (role === undefined ? [] : roleActions[role])
  if (!given.includes(action)) return false
  // As in Azure, the condition names blob actions only: container actions stay allowed.
  if (!action.startsWith('containers/blobs/')) return true
  const path = operation.listPrefix ?? target.blob
  if (allows && !allows(action, path, operation.listPrefix !== undefined)) return false
  return pathPrefix === undefined || path.startsWith(pathPrefix)
}
