// Service principals in the lab's Graph: without one an application can neither sign in nor have
// roles (Microsoft Graph, resource type "servicePrincipal"; facts/federation.md §1.5).
import { type ControlAnswer, ControlRefusal, readObject, textOf } from '../control/server.ts'
import { isSameId, type LabApp } from '../entra-directory.ts'
import { prefersCreation } from './applications.ts'
import {
  type GraphCall,
  type GraphHandler,
  keyAt,
  needAppRead,
  needAppWrite,
  refuseMissing,
  refuseValue,
} from './call.ts'
import { answerList, answerObject, type GraphObject } from './list.ts'
import type { GraphKey } from './path.ts'

/** The routes of service principals. */
export const servicePrincipalRoutes: Readonly<Record<string, GraphHandler>> = {
  'GET servicePrincipals': (call) => {
    needAppRead(call)
    return answerList(call, 'servicePrincipals', listPrincipals(call).map(describePrincipal))
  },
  'POST servicePrincipals': (call) => create(call, textOf(readObject(call)['appId'])),
  'GET servicePrincipals/*': (call) => {
    needAppRead(call)
    const found = findPrincipal(call, keyAt(call, 0))
    return answerObject(call, 'servicePrincipals', describePrincipal(found))
  },
  'PATCH servicePrincipals/*': (call) => patch(call),
  'DELETE servicePrincipals/*': (call) => {
    const app = findPrincipal(call, keyAt(call, 0))
    needAppWrite(call, app)
    app.principalSince = 'none'
    return { status: 204 }
  },
}

function listPrincipals({ state }: GraphCall): readonly LabApp[] {
  const { tenantId, directory } = state.entra
  return directory.apps.filter(
    (app) => app.principalSince !== 'none' && isSameId(app.tenantId, tenantId),
  )
}

function findPrincipal(call: GraphCall, { property, value }: GraphKey): LabApp {
  const found = listPrincipals(call).find((app) =>
    isSameId(property === 'appId' ? app.clientId : app.objectId, value),
  )
  if (found) return found
  throw refuseMissing(value)
}

function create(call: GraphCall, appId: string): ControlAnswer {
  const { entra, now, settings } = call.state
  const app = entra.directory.findApp(entra.tenantId, appId)
  if (!app) {
    throw refuseValue(
      `When using this permission, the backing application of the service principal being created must in the local tenant: ${appId}`,
    )
  }
  needAppWrite(call, app)
  if (app.principalSince !== 'none') {
    throw new ControlRefusal(
      409,
      'Request_MultipleObjectsWithSameKeyValue',
      `The service principal cannot be created, updated, or restored because the service principal name ${appId} is already in use.`,
    )
  }
  app.principalSince = new Date(now().getTime() + settings.principalDelaySeconds * 1000)
  return answerObject(call, 'servicePrincipals', describePrincipal(app), 201)
}

function patch(call: GraphCall): ControlAnswer {
  const key = keyAt(call, 0)
  const body = readObject(call)
  const isThere = listPrincipals(call).some((app) => isSameId(app.clientId, key.value))
  if (key.property === 'appId' && !isThere && prefersCreation(call)) return create(call, key.value)
  const app = findPrincipal(call, key)
  needAppWrite(call, app)
  const isEnabled = body['accountEnabled']
  if (typeof isEnabled === 'boolean') app.enabled = isEnabled
  return { status: 204 }
}

function describePrincipal(app: LabApp): GraphObject {
  const isManaged = app.kind === 'managed identity'
  return {
    id: app.objectId,
    deletedDateTime: null,
    accountEnabled: app.enabled,
    appDisplayName: isManaged ? null : app.displayName,
    appId: app.clientId,
    appOwnerOrganizationId: isManaged ? null : app.tenantId,
    createdDateTime: app.createdAt.toISOString(),
    displayName: app.displayName,
    servicePrincipalNames: [app.clientId],
    servicePrincipalType: isManaged ? 'ManagedIdentity' : 'Application',
    signInAudience: isManaged ? null : 'AzureADMyOrg',
    tags: [],
    alternativeNames: isManaged ? ['isExplicit=True', app.properties['resourceId']] : [],
    // Secrets of the application are not ones of its service principal.
    keyCredentials: [],
    passwordCredentials: [],
  }
}
