// What stops a caller at the lab's ARM before its request is looked at: missing rights, and locks
// (azure-docs, role-based-access-control/overview.md; azure-resource-manager/management/lock-resources.md).
import { ControlRefusal } from '../control/server.ts'
import { isSameId } from '../entra-directory.ts'
import { isWithin } from './path.ts'
import { allowsAction } from './role-definitions.ts'
import type { ArmCall } from './state.ts'

/** Refuses with 403 unless a role of the caller allows the action at this scope. */
export function needAction({ state, caller }: ArmCall, action: string, scope: string): void {
  const isAllowed = state.assignments.some((assignment) => {
    const definition = state.definitions.find(({ guid }) => guid === assignment.roleGuid)
    return (
      definition !== undefined &&
      isSameId(assignment.principalId, caller.objectId) &&
      isWithin(scope, assignment.scope) &&
      allowsAction(definition, action)
    )
  })
  if (isAllowed) return
  throw new ControlRefusal(
    403,
    'AuthorizationFailed',
    `The client '${caller.appId}' with object id '${caller.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  )
}

/** Refuses with 409 when a lock at or above the resource forbids the change. */
export function needUnlocked({ state, method, target }: ArmCall): void {
  if (method === 'GET') return
  const isDelete = method === 'DELETE'
  const locks = state.locks.filter(
    ({ scope, level }) => isWithin(target.id, scope) && (isDelete || level === 'ReadOnly'),
  )
  if (locks.length === 0) return
  const scopes = locks.map(({ scope }) => `'${scope}'`).join(',')
  throw new ControlRefusal(
    409,
    'ScopeLocked',
    `The scope '${target.id}' cannot perform ${isDelete ? 'delete' : 'write'} operation because following scope(s) are locked: ${scopes}. Please remove the lock and try again.`,
  )
}

/** Refuses with 404 a subscription or a resource group that is not there. */
export function needScope({ state, target }: ArmCall): void {
  const match = /^\/subscriptions\/([^/]+)(?:\/resourcegroups\/([^/]+))?/i.exec(target.id)
  if (!match) return
  const [, subscription = '', group] = match
  if (!isSameId(subscription, state.subscription.id)) {
    throw new ControlRefusal(
      404,
      'SubscriptionNotFound',
      `The subscription '${subscription}' could not be found.`,
    )
  }
  if (group === undefined) return
  if (state.resourceGroups.some(({ name }) => isSameId(name, group))) return
  throw new ControlRefusal(
    404,
    'ResourceGroupNotFound',
    `Resource group '${group}' could not be found.`,
  )
}
