// Role definitions in the lab's ARM: the built-in ones, and custom roles with data actions
// (azure-docs, custom-roles-rest.md; facts/federation.md §3.1).
import { parseFilter } from '../control/filter.ts'
import { type ControlAnswer, ControlRefusal, isObject, textOf } from '../control/server.ts'
import { isSameId } from '../entra-directory.ts'
import { answerPage, refuseFilter } from './list.ts'
import type { RoleDefinition } from './role-definitions.ts'
import {
  type ArmCall,
  type ArmObject,
  type ArmRoute,
  type ArmState,
  nameAt,
  readProperties,
  subscriptionScope,
} from './state.ts'

const type = 'microsoft.authorization/roledefinitions'
const action = 'Microsoft.Authorization/roleDefinitions'

/** The routes of role definitions. */
export const definitionRoutes: Readonly<Record<string, ArmRoute>> = {
  [`GET ${type} list`]: { action: `${action}/read`, answer: (call) => list(call) },
  [`GET ${type} item`]: {
    action: `${action}/read`,
    answer: (call) => {
      const found = findDefinition(call.state, nameAt(call, 0))
      if (!found) throw refuseMissing(nameAt(call, 0))
      return { status: 200, body: describeDefinition(call.state, found) }
    },
  },
  [`PUT ${type} item`]: { action: `${action}/write`, answer: (call) => put(call) },
  [`DELETE ${type} item`]: { action: `${action}/delete`, answer: (call) => remove(call) },
}

/** A role by its GUID. */
export function findDefinition(
  { definitions }: ArmState,
  guid: string,
): RoleDefinition | undefined {
  return definitions.find((each) => isSameId(each.guid, guid))
}

function list(call: ArmCall): ControlAnswer {
  const text = call.query.get('$filter')
  const terms = text === null ? [] : parseFilter(text)
  if (!terms) throw refuseFilter(text ?? '')
  let found: readonly RoleDefinition[] = call.state.definitions
  for (const term of terms) {
    const isEqual = term.kind === 'compare' && term.op === 'eq'
    if (isEqual && term.path === 'roleName') {
      found = found.filter(({ roleName }) => isSameId(roleName, term.value))
    } else if (isEqual && term.path === 'type') {
      found = found.filter((each) => typeOf(each) === term.value)
    } else if (term.kind !== 'function' || term.name !== 'atScopeAndBelow') {
      throw refuseFilter(text ?? '')
    }
  }
  return answerPage(
    call,
    found.map((each) => describeDefinition(call.state, each)),
  )
}

function put(call: ArmCall): ControlAnswer {
  const { state } = call
  const guid = nameAt(call, 0).toLowerCase()
  const present = findDefinition(state, guid)
  if (present?.isBuiltIn) {
    throw new ControlRefusal(
      403,
      'RoleDefinitionCannotBeUpdated',
      'A built-in role definition cannot be updated.',
    )
  }
  const definition = readDefinition(guid, readProperties(call))
  const isTaken = state.definitions.some(
    (each) => each !== present && isSameId(each.roleName, definition.roleName),
  )
  if (isTaken) {
    throw new ControlRefusal(
      409,
      'RoleDefinitionWithSameNameExists',
      `A custom role with the same name already exists in this directory. Use a different name.`,
    )
  }
  if (present) state.definitions.splice(state.definitions.indexOf(present), 1)
  state.definitions.push(definition)
  return { status: 201, body: describeDefinition(state, definition) }
}

function readDefinition(guid: string, properties: ArmObject): RoleDefinition {
  const roleName = textOf(properties['roleName'])
  const assignableScopes = readTexts(properties['assignableScopes'])
  const permissions = Array.isArray(properties['permissions']) ? properties['permissions'] : []
  const [permission, ...others] = permissions.filter((each) => isObject(each))
  if (roleName === '' || assignableScopes.length === 0 || !permission || others.length > 0) {
    throw new ControlRefusal(
      400,
      'InvalidRoleDefinition',
      'A custom role needs a name, one set of permissions and at least one assignable scope.',
    )
  }
  return {
    guid,
    roleName,
    description: textOf(properties['description']),
    isBuiltIn: false,
    actions: readTexts(permission['actions']),
    notActions: readTexts(permission['notActions']),
    dataActions: readTexts(permission['dataActions']),
    notDataActions: readTexts(permission['notDataActions']),
    assignableScopes,
  }
}

function remove(call: ArmCall): ControlAnswer {
  const { state } = call
  const present = findDefinition(state, nameAt(call, 0))
  if (!present || present.isBuiltIn) return { status: 204 }
  if (state.assignments.some(({ roleGuid }) => roleGuid === present.guid)) {
    throw new ControlRefusal(
      400,
      'RoleDefinitionHasAssignments',
      'There are existing role assignments referencing role.',
    )
  }
  state.definitions.splice(state.definitions.indexOf(present), 1)
  return { status: 200, body: describeDefinition(state, present) }
}

function describeDefinition(state: ArmState, definition: RoleDefinition): ArmObject {
  const { guid, roleName, description, assignableScopes } = definition
  const { actions, notActions, dataActions, notDataActions } = definition
  return {
    id: `${subscriptionScope(state)}/providers/Microsoft.Authorization/roleDefinitions/${guid}`,
    type: 'Microsoft.Authorization/roleDefinitions',
    name: guid,
    properties: {
      roleName,
      type: typeOf(definition),
      description,
      assignableScopes,
      permissions: [{ actions, notActions, dataActions, notDataActions }],
    },
  }
}

function typeOf({ isBuiltIn }: RoleDefinition): string {
  return isBuiltIn ? 'BuiltInRole' : 'CustomRole'
}

function readTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function refuseMissing(guid: string): ControlRefusal {
  return new ControlRefusal(
    404,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${guid}' does not exist.`,
  )
}
