// A tenant that plans are carried out in: it keeps Azure's rules and throws where Azure would refuse.
import { emptyTenant, type ActualState } from './actual.ts'
import type { Change } from './change.ts'
import { assignmentGuid } from './guid.ts'
import { artifacts, readers, tenantId } from './policy.fixture.ts'

/** A tenant with the storage accounts of the example and nothing else. */
export function exampleTenant(id: string): ActualState {
  return {
    ...emptyTenant(id),
    accounts: [
      {
        name: 'acmeart',
        subscription: '99999999-0000-4000-8000-000000000001',
        resourceGroup: 'RG-Storage',
      },
      {
        name: 'acmegov',
        subscription: '99999999-0000-4000-8000-000000000002',
        resourceGroup: 'rg-gov',
      },
    ],
  }
}

/** Adds an application with a service principal, as one made by hand. */
export function addApplication(state: ActualState, appId: string): ActualState {
  return {
    ...state,
    applications: [...state.applications, { objectId: `o-${appId}`, appId, displayName: appId }],
    servicePrincipals: [
      ...state.servicePrincipals,
      { objectId: `sp-${appId}`, appId, isEnabled: true },
    ],
  }
}

/** A tenant in which both applications of the example are, without credentials or roles. */
export function tenant(): ActualState {
  return addApplication(addApplication(exampleTenant(tenantId), artifacts), readers)
}

/** The tenant after the changes, in their order; throws what Azure would answer. */
export function carryOut(before: ActualState, changes: readonly Change[]): ActualState {
  const made = new Map<string, string>()
  return changes.reduce((state, change) => carryOutOne(state, change, made), before)
}

// Key of `made`: the identity's name. The client id of an identity that the plan itself made.
function carryOutOne(state: ActualState, change: Change, made: Map<string, string>): ActualState {
  const { identity } = change
  switch (change.kind) {
    case 'application': {
      const appId = `made-${identity}`
      made.set(identity, appId)
      const { displayName, uniqueName } = change
      const application = { objectId: `o-${appId}`, appId, displayName, uniqueName }
      return { ...state, applications: [...state.applications, application] }
    }
    case 'managed_identity': {
      const clientId = `made-${identity}`
      made.set(identity, clientId)
      const one = { resourceId: change.resourceId, clientId, principalId: `sp-${clientId}` }
      return { ...state, managedIdentities: [...state.managedIdentities, one] }
    }
    case 'service_principal': {
      const appId = change.clientId ?? made.get(identity)
      if (appId === undefined) throw new Error('400 no such application')
      const one = { objectId: `sp-${appId}`, appId, isEnabled: true }
      return { ...state, servicePrincipals: [...state.servicePrincipals, one] }
    }
    case 'credential':
      return changeCredential(state, change, change.clientId ?? made.get(identity))
    case 'role_definition':
      return changeDefinition(state, change)
    default:
      return changeAssignment(state, change, change.principalId ?? `sp-${made.get(identity)}`)
  }
}

function changeCredential(
  state: ActualState,
  { action, credential }: Extract<Change, { kind: 'credential' }>,
  clientId: string | undefined,
): ActualState {
  if (clientId === undefined) throw new Error('404 no such owner')
  const { name, issuer, subject, audience, description } = credential
  const isIt = (each: { clientId: string; name: string }) =>
    each.clientId === clientId && each.name === name
  const rest = state.credentials.filter((each) => !isIt(each))
  if ((rest.length === state.credentials.length) !== (action === 'add')) {
    throw new Error(`${action} of ${name}: ${action === 'add' ? '409 is there' : '404'}`)
  }
  if (action === 'remove') return { ...state, credentials: rest }
  const own = rest.filter((each) => each.clientId === clientId)
  if (own.some((each) => each.issuer === issuer && each.subject === subject)) {
    throw new Error('400 issuer and subject are there')
  }
  if (own.length >= 20) throw new Error('400 too many')
  const isManaged = state.managedIdentities.some((each) => each.clientId === clientId)
  const one = { clientId, id: name, name, issuer, subject, audiences: [audience] }
  return { ...state, credentials: [...rest, isManaged ? one : { ...one, description }] }
}

function changeDefinition(
  state: ActualState,
  { action, definition }: Extract<Change, { kind: 'role_definition' }>,
): ActualState {
  const { guid } = definition
  const rest = state.roleDefinitions.filter((each) => each.guid !== guid)
  if (action !== 'remove') {
    const one = {
      ...definition,
      isBuiltIn: false,
      actions: [],
      dataActions: [...definition.dataActions],
      assignableScopes: [...definition.assignableScopes],
    }
    return { ...state, roleDefinitions: [...rest, one] }
  }
  if (state.roleAssignments.some(({ roleGuid }) => roleGuid === guid)) {
    throw new Error('400 RoleDefinitionHasAssignments')
  }
  return { ...state, roleDefinitions: rest }
}

function changeAssignment(
  state: ActualState,
  { action, assignment, guid: known }: Extract<Change, { kind: 'role_assignment' }>,
  principalId: string,
): ActualState {
  const { scope, roleGuid, roleName, condition, description } = assignment
  const guid = known ?? assignmentGuid(scope, principalId, roleGuid)
  const rest = state.roleAssignments.filter((each) => each.guid !== guid)
  if (action === 'remove') return { ...state, roleAssignments: rest }
  const isPrincipal = [
    ...state.servicePrincipals.map(({ objectId }) => objectId),
    ...state.managedIdentities.map((each) => each.principalId),
  ].includes(principalId)
  if (!isPrincipal) throw new Error('400 PrincipalNotFound')
  const isCustom = roleName.startsWith('Azure Storage Drone')
  if (isCustom && !state.roleDefinitions.some((each) => each.guid === roleGuid)) {
    throw new Error('404 RoleDefinitionDoesNotExist')
  }
  const isTwin = rest.some(
    (each) =>
      each.scope === scope && each.principalId === principalId && each.roleGuid === roleGuid,
  )
  if (isTwin) throw new Error('409 RoleAssignmentExists')
  const one = { guid, scope, principalId, roleGuid, description }
  return {
    ...state,
    roleAssignments: [...rest, condition === undefined ? one : { ...one, condition }],
  }
}
