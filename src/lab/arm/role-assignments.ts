// Role assignments in the lab's ARM: put, get, list and delete, and their effect on storage after the
// delay that is set (azure-docs, role-assignments-rest.md; facts/federation.md §3.2).
import { parseFilter } from '../control/filter.ts'
import { type ControlAnswer, ControlRefusal, textOf } from '../control/server.ts'
import { isSameId } from '../entra-directory.ts'
import type { Effect } from './effects.ts'
import { planEffect } from './effects.ts'
import { answerPage, refuseFilter } from './list.ts'
import { isSameScope, isWithin } from './path.ts'
import { findDefinition } from './role-definition-routes.ts'
import type { RoleDefinition } from './role-definitions.ts'
import type { Schedule } from './schedule.ts'
import {
  type ArmAssignment,
  type ArmCall,
  type ArmObject,
  type ArmRoute,
  type ArmState,
  nameAt,
  readProperties,
  refuseMissingResource,
  subscriptionScope,
} from './state.ts'

const type = 'microsoft.authorization/roleassignments'
const action = 'Microsoft.Authorization/roleAssignments'
const guidForm = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** The routes of role assignments. */
export function createAssignmentRoutes(schedule: Schedule): Record<string, ArmRoute> {
  // Key: the assignment's name. What takes its effect away again, once it has one.
  const undoings = new Map<string, () => void>()
  const apply = (state: ArmState, guid: string, effect: Effect): void => {
    schedule.run(state.settings.roleDelaySeconds, () => {
      undoings.get(guid)?.()
      undoings.set(guid, effect())
    })
  }
  const revoke = (state: ArmState, guid: string): void => {
    schedule.run(state.settings.roleDelaySeconds, () => {
      undoings.get(guid)?.()
      undoings.delete(guid)
    })
  }
  return {
    [`PUT ${type} item`]: {
      action: `${action}/write`,
      answer: (call) => put(call, (guid, effect) => apply(call.state, guid, effect)),
    },
    [`GET ${type} item`]: { action: `${action}/read`, answer: (call) => get(call) },
    [`GET ${type} list`]: { action: `${action}/read`, answer: (call) => list(call) },
    [`DELETE ${type} item`]: {
      action: `${action}/delete`,
      answer: (call) => {
        const found = findAssignment(call)
        if (!found) return { status: 204 }
        call.state.assignments.splice(call.state.assignments.indexOf(found), 1)
        revoke(call.state, found.guid)
        return { status: 200, body: describeAssignment(call.state, found) }
      },
    },
  }
}

/** An assignment on the wire. */
export function describeAssignment(state: ArmState, assignment: ArmAssignment): ArmObject {
  const { guid, scope, roleGuid, createdAt, updatedAt, createdBy } = assignment
  const { description = null, condition = null, conditionVersion = null } = assignment
  const definitions = `${subscriptionScope(state)}/providers/Microsoft.Authorization/roleDefinitions`
  return {
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`,
    name: guid,
    type: 'Microsoft.Authorization/roleAssignments',
    properties: {
      roleDefinitionId: `${definitions}/${roleGuid}`,
      principalId: assignment.principalId,
      principalType: assignment.principalType,
      scope,
      description,
      condition,
      conditionVersion,
      createdOn: createdAt.toISOString(),
      updatedOn: updatedAt.toISOString(),
      createdBy,
      updatedBy: createdBy,
      delegatedManagedIdentityResourceId: null,
    },
  }
}

function put(call: ArmCall, apply: (guid: string, effect: Effect) => void): ControlAnswer {
  const { state } = call
  const { scope } = call.target
  const guid = nameAt(call, 0).toLowerCase()
  if (!guidForm.test(guid)) {
    throw new ControlRefusal(
      400,
      'InvalidRoleAssignmentId',
      `The role assignment ID '${guid}' is not valid. The role assignment ID must be a GUID.`,
    )
  }
  const wanted = readAssignment(call)
  const { definition, ...kept } = wanted
  const same = state.assignments.find((each) => each.guid === guid)
  const isMoved =
    same && (!isSameScope(same.scope, scope) || !isSameId(same.principalId, kept.principalId))
  if (isMoved) {
    throw new ControlRefusal(
      400,
      'RoleAssignmentUpdateNotPermitted',
      'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
    )
  }
  const twin = state.assignments.find(
    (each) =>
      each !== same &&
      isSameScope(each.scope, scope) &&
      isSameId(each.principalId, kept.principalId) &&
      each.roleGuid === definition.guid,
  )
  if (twin) {
    throw new ControlRefusal(
      409,
      'RoleAssignmentExists',
      `The role assignment already exists. The ID of the existing role assignment is ${twin.guid.replaceAll('-', '')}.`,
    )
  }
  const { principalId, condition } = kept
  const effect = planEffect(state, { principalId, definition, scope, condition })
  const now = state.now()
  const assignment: ArmAssignment = {
    ...kept,
    guid,
    scope,
    roleGuid: definition.guid,
    createdAt: same?.createdAt ?? now,
    updatedAt: now,
    createdBy: same?.createdBy ?? call.caller.objectId,
  }
  if (same) state.assignments.splice(state.assignments.indexOf(same), 1)
  state.assignments.push(assignment)
  apply(guid, effect)
  return { status: same ? 200 : 201, body: describeAssignment(state, assignment) }
}

type WantedAssignment = Pick<
  ArmAssignment,
  'principalId' | 'principalType' | 'description' | 'condition' | 'conditionVersion'
> & { definition: RoleDefinition }

function readAssignment(call: ArmCall): WantedAssignment {
  const properties = readProperties(call)
  const optional = (name: string): string | undefined => textOf(properties[name]) || undefined
  const roleId = textOf(properties['roleDefinitionId'])
  const definition = findDefinition(call.state, roleId.split('/').at(-1) ?? '')
  if (!definition) {
    throw new ControlRefusal(
      404,
      'RoleDefinitionDoesNotExist',
      `The specified role definition with ID '${roleId}' does not exist.`,
    )
  }
  const principalId = textOf(properties['principalId'])
  const principalType = checkPrincipal(call, principalId, optional('principalType'))
  const [condition, conditionVersion] = [optional('condition'), optional('conditionVersion')]
  if (condition !== undefined && conditionVersion !== '2.0') {
    throw new ControlRefusal(
      400,
      'InvalidConditionVersion',
      "The conditionVersion of a role assignment with a condition must be '2.0'.",
    )
  }
  const description = optional('description')
  return { definition, principalId, principalType, description, condition, conditionVersion }
}

function checkPrincipal(call: ArmCall, principalId: string, principalType?: string): string {
  const { entra, now } = call.state
  const { directory, tenantId } = entra
  const found = directory.users.some(({ id }) => isSameId(id, principalId))
    ? 'User'
    : 'ServicePrincipal'
  const isKnown = directory.knowsPrincipal(principalId, now())
  if (isKnown && principalType !== undefined && principalType !== found) {
    throw new ControlRefusal(
      400,
      'UnmatchedPrincipalType',
      `The PrincipalId '${principalId}' has type '${found}' , which is different from specified PrinciaplType '${principalType}'.`,
    )
  }
  // With a type given Azure does not look the principal up, so that new ones can replicate.
  if (guidForm.test(principalId) && (isKnown || principalType !== undefined)) {
    return principalType ?? found
  }
  throw new ControlRefusal(
    400,
    'PrincipalNotFound',
    `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${tenantId}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype`,
  )
}

function findAssignment(call: ArmCall): ArmAssignment | undefined {
  const guid = nameAt(call, 0)
  return call.state.assignments.find(
    (each) => isSameId(each.guid, guid) && isSameScope(each.scope, call.target.scope),
  )
}

function get(call: ArmCall): ControlAnswer {
  const found = findAssignment(call)
  if (!found) {
    throw new ControlRefusal(
      404,
      'RoleAssignmentNotFound',
      `The role assignment '${nameAt(call, 0)}' is not found.`,
    )
  }
  return { status: 200, body: describeAssignment(call.state, found) }
}

function list(call: ArmCall): ControlAnswer {
  const { scope } = call.target
  const text = call.query.get('$filter')
  const terms = text === null ? [] : parseFilter(text)
  if (!terms) throw refuseFilter(text ?? '')
  let isAtScope = false
  let principalId: string | undefined
  for (const term of terms) {
    const [argument] = term.kind === 'function' ? term.args : []
    if (term.kind === 'function' && term.name.toLowerCase() === 'atscope') isAtScope = true
    else if (term.kind === 'function' && term.name.toLowerCase() === 'assignedto') {
      principalId = argument
    } else if (term.kind === 'compare' && term.path === 'principalId' && term.op === 'eq') {
      principalId = term.value
    } else throw refuseFilter(text ?? '')
  }
  const found = call.state.assignments.filter(
    (each) =>
      (isWithin(scope, each.scope) || (!isAtScope && isWithin(each.scope, scope))) &&
      (principalId === undefined || isSameId(each.principalId, principalId)),
  )
  return answerPage(
    call,
    found.map((each) => describeAssignment(call.state, each)),
  )
}

/** 404 unless the resource an assignment is for is there; what is below an account is not looked at. */
export function needAssignmentScope({ state, target }: ArmCall): void {
  const match =
    /\/resourcegroups\/([^/]+)\/providers\/microsoft\.storage\/storageaccounts\/([^/]+)/i
  const [, group = '', name] = match.exec(target.scope) ?? []
  if (name === undefined) return
  if (state.accounts.some((account) => isSameId(account.name, name))) return
  throw refuseMissingResource(target.scope, group)
}
