// Applications in the lab's Graph: create, read, change, delete, owners and the listing of secrets
// (Microsoft Graph, resource type "application").
import { randomUUID } from 'node:crypto'

import {
  type ControlAnswer,
  ControlRefusal,
  isObject,
  readObject,
  textOf,
} from '../control/server.ts'
import { isSameId, type LabApp, type LabSecret } from '../entra-directory.ts'
import {
  type GraphCall,
  type GraphHandler,
  keyAt,
  needAppRead,
  needAppWrite,
  needPermission,
  refuseMissing,
  refuseValue,
} from './call.ts'
import { answerList, answerObject, type GraphObject } from './list.ts'

const keptProperties = ['notes', 'description', 'tags', 'uniqueName', 'serviceManagementReference']
const secretLifetimeMs = 2 * 365 * 24 * 60 * 60 * 1000

/** The routes of applications themselves. */
export const applicationRoutes: Readonly<Record<string, GraphHandler>> = {
  'GET applications': (call) => {
    needAppRead(call)
    return answerList(call, 'applications', listApplications(call).map(describeApplication))
  },
  'POST applications': (call) => create(call, readObject(call)),
  'GET applications/*': (call) => {
    needAppRead(call)
    return answerObject(call, 'applications', describeApplication(findApplication(call)))
  },
  'PATCH applications/*': (call) => patch(call),
  'DELETE applications/*': (call) => {
    const app = findApplication(call)
    needAppWrite(call, app)
    call.state.entra.directory.removeApp(app.clientId)
    return { status: 204 }
  },
  'GET applications/*/owners': (call) => {
    needAppRead(call)
    return answerList(call, 'directoryObjects', describeOwners(call, findApplication(call)))
  },
  'POST applications/*/owners/$ref': (call) => addOwner(call),
  'DELETE applications/*/owners/*/$ref': (call) => removeOwner(call),
  'POST applications/*/addPassword': (call) => addPassword(call),
  'POST applications/*/removePassword': (call) => removePassword(call),
}

/** The application a path names by its object id, appId or uniqueName; 404 when there is none. */
export function findApplication(call: GraphCall): LabApp {
  const { property, value } = keyAt(call, 0)
  const app = listApplications(call).find((each) => hasKey(each, property, value))
  if (app) return app
  throw refuseMissing(value)
}

/** An application's object on the wire. */
export function describeApplication(app: LabApp): GraphObject {
  return {
    id: app.applicationId,
    deletedDateTime: null,
    appId: app.clientId,
    createdDateTime: app.createdAt.toISOString(),
    displayName: app.displayName,
    description: null,
    notes: null,
    signInAudience: 'AzureADMyOrg',
    tags: [],
    uniqueName: null,
    ...app.properties,
    keyCredentials: listSecrets(app, 'certificate').map((secret) => ({
      customKeyIdentifier: null,
      type: 'AsymmetricX509Cert',
      usage: 'Verify',
      key: null,
      ...describeSecret(secret),
    })),
    passwordCredentials: listSecrets(app, 'password').map((secret) => ({
      customKeyIdentifier: null,
      hint: secret.value.slice(0, 3),
      secretText: null,
      ...describeSecret(secret),
    })),
  }
}

function listApplications({ state }: GraphCall): readonly LabApp[] {
  const { tenantId, directory } = state.entra
  return directory.apps.filter(
    (app) => app.kind === 'application' && isSameId(app.tenantId, tenantId),
  )
}

function hasKey(app: LabApp, property: string, value: string): boolean {
  if (property === 'id') return isSameId(app.applicationId, value)
  if (property === 'appId') return isSameId(app.clientId, value)
  if (property === 'uniqueName') return app.properties['uniqueName'] === value
  throw refuseValue(`Invalid key '${property}' for type 'application'.`)
}

function create(call: GraphCall, body: GraphObject): ControlAnswer {
  needPermission(call, 'Application.ReadWrite.OwnedBy', 'Application.ReadWrite.All')
  const { entra, now } = call.state
  const displayName = textOf(body['displayName'])
  if (displayName === '' || displayName.length > 256) {
    throw refuseValue("Property 'displayName' is required and has 1-256 characters.")
  }
  const ids = { tenantId: entra.tenantId, clientId: randomUUID(), objectId: randomUUID() }
  const app = entra.registerApp(
    { ...ids, displayName },
    { createdAt: now(), principalSince: 'none' },
  )
  keepProperties(app, body)
  app.owners.push(call.caller.objectId)
  return answerObject(call, 'applications', describeApplication(app), 201)
}

function patch(call: GraphCall): ControlAnswer {
  const body = readObject(call)
  const { property, value } = keyAt(call, 0)
  const app = listApplications(call).find((each) => hasKey(each, property, value))
  if (!app && property === 'uniqueName' && prefersCreation(call)) {
    return create(call, { ...body, uniqueName: value })
  }
  if (!app) throw refuseMissing(value)
  needAppWrite(call, app)
  for (const secrets of ['passwordCredentials', 'keyCredentials']) {
    if (secrets in body) throw refuseValue(`The lab does not take '${secrets}' in an update.`)
  }
  const displayName = textOf(body['displayName'])
  if (displayName !== '') app.displayName = displayName
  keepProperties(app, body)
  return { status: 204 }
}

/** Whether a PATCH may create what is not there. */
export function prefersCreation({ headers }: GraphCall): boolean {
  return String(headers['prefer'] ?? '')
    .split(',')
    .some((preference) => preference.trim().toLowerCase() === 'create-if-missing')
}

function keepProperties(app: LabApp, body: GraphObject): void {
  for (const name of keptProperties) {
    if (name in body) app.properties[name] = body[name]
  }
}

function describeOwners({ state }: GraphCall, app: LabApp): GraphObject[] {
  const { apps, users } = state.entra.directory
  return app.owners.flatMap((id): GraphObject[] => {
    const user = users.find((each) => each.id === id)
    if (user) return [{ '@odata.type': '#microsoft.graph.user', ...user }]
    const owner = apps.find((each) => each.objectId === id)
    if (!owner) return []
    const { clientId: appId, displayName } = owner
    return [{ '@odata.type': '#microsoft.graph.servicePrincipal', id, appId, displayName }]
  })
}

function addOwner(call: GraphCall): ControlAnswer {
  const app = findApplication(call)
  needAppWrite(call, app)
  const reference = textOf(readObject(call)['@odata.id'])
  const id = /\/(?:directoryObjects|users|servicePrincipals)\/([\da-f-]{36})$/i.exec(reference)?.[1]
  if (id === undefined || !call.state.entra.directory.knowsPrincipal(id, call.state.now())) {
    throw refuseMissing(id ?? reference)
  }
  if (app.owners.includes(id)) {
    throw refuseValue(
      "One or more added object references already exist for the following modified properties: 'owners'.",
    )
  }
  app.owners.push(id)
  return { status: 204 }
}

function removeOwner(call: GraphCall): ControlAnswer {
  const app = findApplication(call)
  needAppWrite(call, app)
  const { value } = keyAt(call, 1)
  const index = app.owners.indexOf(value)
  if (index < 0) throw refuseMissing(value)
  app.owners.splice(index, 1)
  return { status: 204 }
}

function addPassword(call: GraphCall): ControlAnswer {
  const app = findApplication(call)
  needAppWrite(call, app)
  const asked = isObject(call.body) ? call.body['passwordCredential'] : undefined
  const displayName = isObject(asked) ? textOf(asked['displayName']) : ''
  const startsAt = call.state.now()
  const end = isObject(asked) ? textOf(asked['endDateTime']) : ''
  const endsAt = end === '' ? new Date(startsAt.getTime() + secretLifetimeMs) : new Date(end)
  if (Number.isNaN(endsAt.getTime())) throw refuseValue("Invalid value for 'endDateTime'.")
  const value = randomUUID()
  const secret = { keyId: randomUUID(), kind: 'password', displayName, value, startsAt, endsAt }
  const added: LabSecret = { ...secret, kind: 'password' }
  app.secrets.push(added)
  const body = { ...describeSecret(added), hint: value.slice(0, 3), secretText: value }
  return answerObject(call, 'microsoft.graph.passwordCredential', body)
}

function removePassword(call: GraphCall): ControlAnswer {
  const app = findApplication(call)
  needAppWrite(call, app)
  const keyId = textOf(readObject(call)['keyId'])
  const index = app.secrets.findIndex((each) => each.keyId === keyId)
  if (index < 0) {
    throw new ControlRefusal(400, 'Request_BadRequest', `No credentials found to be removed.`)
  }
  app.secrets.splice(index, 1)
  return { status: 204 }
}

function listSecrets({ secrets }: LabApp, kind: LabSecret['kind']): readonly LabSecret[] {
  return secrets.filter((secret) => secret.kind === kind)
}

function describeSecret({ keyId, displayName, startsAt, endsAt }: LabSecret): GraphObject {
  return {
    keyId,
    displayName,
    startDateTime: startsAt.toISOString(),
    endDateTime: endsAt.toISOString(),
  }
}
