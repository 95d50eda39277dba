// Federated identity credentials of applications in the lab's Graph: list, read, create, upsert by
// name, delete, with the directory's limits and answers (facts/federation.md §1.1, §1.2, §1.5).
import { type ControlAnswer, ControlRefusal, isObject, readObject } from '../control/server.ts'
import {
  CredentialError,
  type LabCredential,
  type Propagation,
  type StoredCredential,
} from '../entra-credentials.ts'
import type { LabApp } from '../entra-directory.ts'
import { findApplication, prefersCreation } from './applications.ts'
import {
  type GraphCall,
  type GraphHandler,
  keyAt,
  needAppRead,
  needAppWrite,
  refuseMissing,
} from './call.ts'
import { answerList, answerObject, type GraphObject } from './list.ts'

const route = 'applications/*/federatedIdentityCredentials'

/** The routes of federated credentials. */
export const credentialRoutes: Readonly<Record<string, GraphHandler>> = {
  [`GET ${route}`]: (call) => {
    needAppRead(call)
    const app = findApplication(call)
    const visible = app.credentials.filter((each) => isVisible(call, each))
    return answerList(call, contextFor(app), visible.map(describeCredential))
  },
  [`GET ${route}/*`]: (call) => {
    needAppRead(call)
    const app = findApplication(call)
    return answerObject(call, contextFor(app), describeCredential(findCredential(call, app)))
  },
  [`POST ${route}`]: (call) => {
    const app = findApplication(call)
    needAppWrite(call, app)
    return create(call, app, readObject(call))
  },
  [`PATCH ${route}/*`]: (call) => upsert(call),
  [`DELETE ${route}/*`]: (call) => {
    const app = findApplication(call)
    needAppWrite(call, app)
    app.removeCredential(findCredential(call, app).name, propagate(call))
    return { status: 204 }
  },
}

function create(call: GraphCall, app: LabApp, body: GraphObject): ControlAnswer {
  const credential = readCredential(call, body)
  const stored = write(() => app.addCredential(credential, propagate(call)), credential)
  return answerObject(call, contextFor(app), describeCredential(stored), 201)
}

function upsert(call: GraphCall): ControlAnswer {
  const app = findApplication(call)
  needAppWrite(call, app)
  const body = readObject(call)
  const key = keyAt(call, 1)
  const present = app.credentials.find((each) => hasKey(each, key))
  if (!present) {
    if (!prefersCreation(call) || key.property !== 'name') throw refuseMissing(key.value)
    return create(call, app, { ...body, name: key.value })
  }
  if ('name' in body && body['name'] !== present.name) {
    throw refuseCredential('Name is immutable and cannot be changed after creation.', 'Name')
  }
  const { id: _, ...merged } = { ...describeCredential(present), ...body }
  const credential = readCredential(call, merged)
  write(() => app.replaceCredential(present.name, credential, propagate(call)), credential)
  return { status: 204 }
}

function findCredential(call: GraphCall, app: LabApp): StoredCredential {
  const key = keyAt(call, 1)
  const found = app.credentials.find((each) => hasKey(each, key) && isVisible(call, each))
  if (found) return found
  throw refuseMissing(key.value)
}

function hasKey(
  credential: StoredCredential,
  { property, value }: { property: string; value: string },
): boolean {
  // As a plain segment the documentation allows both.
  if (property === 'id') return credential.id === value || credential.name === value
  return property === 'name' && credential.name === value
}

// v1.0 does not know flexible credentials.
function isVisible({ version }: GraphCall, { expression }: StoredCredential): boolean {
  return version === 'beta' || expression === undefined
}

function readCredential({ version }: GraphCall, body: GraphObject): LabCredential {
  const audiences = Array.isArray(body['audiences']) ? body['audiences'] : []
  if (audiences.length !== 1) {
    throw refuseCredential(
      'Federated identity credential must have exactly one audience.',
      'Audiences',
    )
  }
  const flexible = body['claimsMatchingExpression']
  const expression = isObject(flexible) ? readText(flexible, 'value') : undefined
  if (expression !== undefined && version === 'v1.0') {
    throw new ControlRefusal(
      400,
      'BadRequest',
      "The property 'claimsMatchingExpression' does not exist on type 'microsoft.graph.federatedIdentityCredential'.",
    )
  }
  return {
    name: readText(body, 'name'),
    issuer: readText(body, 'issuer'),
    subject: body['subject'] === null ? '' : readText(body, 'subject'),
    audience: readText({ audience: audiences[0] }, 'audience'),
    ...(body['description'] != null && { description: readText(body, 'description') }),
    ...(expression !== undefined && { expression }),
  }
}

function readText(object: GraphObject, name: string): string {
  const value = object[name] ?? ''
  if (typeof value === 'string') return value
  throw new ControlRefusal(
    400,
    'BadRequest',
    `A value of type 'Edm.String' is needed for '${name}'.`,
  )
}

function describeCredential(credential: StoredCredential): GraphObject {
  const { id, name, issuer, subject, audience, description = null, expression } = credential
  return {
    id,
    name,
    issuer,
    subject: expression === undefined ? subject : null,
    description,
    audiences: [audience],
    ...(expression !== undefined && {
      claimsMatchingExpression: { value: expression, languageVersion: 1 },
    }),
  }
}

function write<T>(change: () => T, { name, issuer, subject }: LabCredential): T {
  try {
    return change()
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error
    if (error.problem === 'name exists') {
      throw new ControlRefusal(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        `FederatedIdentityCredential with name ${name} already exists.`,
      )
    }
    if (error.problem === 'pair exists') {
      throw refuseCredential(
        `The combination of issuer and subject must be unique for the application. Issuer ${issuer} and Subject: ${subject} already exist.`,
        'Subject',
        subject,
      )
    }
    if (error.problem === 'too many') {
      throw new ControlRefusal(
        400,
        'InvalidFederatedIdentityCredentialValue',
        'The maximum number of 20 federated identity credentials for the application has been reached.',
      )
    }
    throw refuseCredential(`${error.message}.`, error.problem === 'bad name' ? 'Name' : 'Value')
  }
}

function refuseCredential(message: string, property: string, value = ''): ControlRefusal {
  return new ControlRefusal(
    400,
    'InvalidFederatedIdentityCredentialValue',
    `${message} paramName: FederatedIdentityCredential.${property}, paramValue: ${value}, objectType: Microsoft.Online.DirectoryServices.Application`,
  )
}

function propagate({ state }: GraphCall): Propagation | undefined {
  const { credentialDelaySeconds, isCredentialDelayIntermittent } = state.settings
  if (credentialDelaySeconds <= 0) return undefined
  const from = new Date(state.now().getTime() + credentialDelaySeconds * 1000)
  return { from, isIntermittent: isCredentialDelayIntermittent }
}

function contextFor({ applicationId }: LabApp): string {
  return `applications('${applicationId}')/federatedIdentityCredentials`
}
