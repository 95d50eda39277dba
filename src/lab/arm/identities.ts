// User-assigned managed identities in the lab's ARM: each is a service principal of the directory
// too (Microsoft.ManagedIdentity/userAssignedIdentities; facts/federation.md §1.6).
import { randomUUID } from 'node:crypto'

import { type ControlAnswer, ControlRefusal, isObject, textOf } from '../control/server.ts'
import { isSameId, type LabApp } from '../entra-directory.ts'
import { answerPage } from './list.ts'
import {
  type ArmCall,
  type ArmIdentity,
  type ArmObject,
  type ArmRoute,
  type ArmState,
  nameAt,
  refuseMissingResource,
  resourceId,
} from './state.ts'

const type = 'microsoft.managedidentity/userassignedidentities'
const action = 'Microsoft.ManagedIdentity/userAssignedIdentities'

/** The routes of identities themselves. */
export const identityRoutes: Readonly<Record<string, ArmRoute>> = {
  [`GET ${type} list`]: {
    action: `${action}/read`,
    answer: (call) => {
      const group = groupOf(call)
      const found = call.state.identities.filter(
        ({ resourceGroup }) => group === '' || isSameId(resourceGroup, group),
      )
      return answerPage(
        call,
        found.map((each) => describeIdentity(call.state, each)),
      )
    },
  },
  [`GET ${type} item`]: {
    action: `${action}/read`,
    answer: (call) => ({
      status: 200,
      body: describeIdentity(call.state, findIdentity(call)),
    }),
  },
  [`PUT ${type} item`]: { action: `${action}/write`, answer: (call) => put(call) },
  [`DELETE ${type} item`]: {
    action: `${action}/delete`,
    answer: (call) => {
      const { state } = call
      const found = state.identities.find((each) => isNamed(call, each))
      if (!found) return { status: 204 }
      state.identities.splice(state.identities.indexOf(found), 1)
      state.entra.directory.removeApp(found.clientId)
      return { status: 200 }
    },
  },
}

/** The resource group in a call's path; empty above groups. */
export function groupOf({ target }: ArmCall): string {
  return /\/resourcegroups\/([^/]+)/i.exec(target.id)?.[1] ?? ''
}

/** The identity a path names; 404 when there is none. */
export function findIdentity(call: ArmCall): ArmIdentity {
  const found = call.state.identities.find((each) => isNamed(call, each))
  if (found) return found
  throw refuseMissingResource(
    `/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${nameAt(call, 0)}`,
    groupOf(call),
  )
}

/** An identity's entry in the directory. */
export function findIdentityApp({ entra }: ArmState, { clientId }: ArmIdentity): LabApp {
  const app = entra.directory.findApp(entra.tenantId, clientId)
  if (app) return app
  throw new ControlRefusal(404, 'NotFound', 'The identity has no service principal any more.')
}

/** The resource id of an identity. */
export function identityId(state: ArmState, { name, resourceGroup }: ArmIdentity): string {
  return resourceId(state, resourceGroup, `${action}/${name}`)
}

function isNamed(call: ArmCall, { name, resourceGroup }: ArmIdentity): boolean {
  return isSameId(name, nameAt(call, 0)) && isSameId(resourceGroup, groupOf(call))
}

function put(call: ArmCall): ControlAnswer {
  const { state, body } = call
  const location = isObject(body) ? textOf(body['location']) : ''
  const tags = isObject(body) && isObject(body['tags']) ? body['tags'] : {}
  const name = nameAt(call, 0)
  if (location === '') {
    throw new ControlRefusal(
      400,
      'LocationRequired',
      'The location property is required for this definition.',
    )
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/.test(name)) {
    throw new ControlRefusal(400, 'InvalidResourceName', `The resource name '${name}' is invalid.`)
  }
  const present = state.identities.find((each) => isNamed(call, each))
  if (present) {
    present.tags = tags
    return { status: 200, body: describeIdentity(state, present) }
  }
  const identity = create(state, { name, location, tags, resourceGroup: groupOf(call) })
  return { status: 201, body: describeIdentity(state, identity) }
}

function create(
  state: ArmState,
  settings: Pick<ArmIdentity, 'name' | 'location' | 'tags' | 'resourceGroup'>,
): ArmIdentity {
  const { tenantId } = state.entra
  const createdAt = state.now()
  const delayMs = state.settings.principalDelaySeconds * 1000
  const ids = { clientId: randomUUID(), objectId: randomUUID() }
  const app = state.entra.registerApp(
    { tenantId, ...ids, displayName: settings.name },
    {
      kind: 'managed identity',
      createdAt,
      principalSince: new Date(createdAt.getTime() + delayMs),
    },
  )
  const identity = { ...settings, clientId: ids.clientId, principalId: ids.objectId }
  app.properties['resourceId'] = identityId(state, identity)
  state.identities.push(identity)
  return identity
}

function describeIdentity(state: ArmState, identity: ArmIdentity): ArmObject {
  const { name, location, tags, clientId, principalId } = identity
  return {
    id: identityId(state, identity),
    name,
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    location,
    tags,
    properties: { tenantId: state.entra.tenantId, principalId, clientId, isolationScope: 'None' },
  }
}
