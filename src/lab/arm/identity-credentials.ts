// Federated credentials of managed identities in the lab's ARM: one write at a time for each
// identity, throttled when asked (facts/federation.md §1.6).
import { setTimeout as delay } from 'node:timers/promises'

import { type ControlAnswer, ControlRefusal, textOf } from '../control/server.ts'
import { CredentialError, type Propagation, type StoredCredential } from '../entra-credentials.ts'
import { findIdentity, findIdentityApp, groupOf, identityId } from './identities.ts'
import { answerPage } from './list.ts'
import {
  type ArmCall,
  type ArmIdentity,
  type ArmObject,
  type ArmRoute,
  type ArmState,
  nameAt,
  readProperties,
  refuseMissingResource,
} from './state.ts'

const type = 'microsoft.managedidentity/userassignedidentities/federatedidentitycredentials'
const action = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials'

/** The routes of managed identities' credentials. */
export function createIdentityCredentialRoutes(): Record<string, ArmRoute> {
  const gate = createGate()
  return {
    [`GET ${type} list`]: {
      action: `${action}/read`,
      answer: (call) => {
        const identity = findIdentity(call)
        const { credentials } = findIdentityApp(call.state, identity)
        return answerPage(
          call,
          credentials.map((each) => describeCredential(call.state, identity, each)),
        )
      },
    },
    [`GET ${type} item`]: { action: `${action}/read`, answer: (call) => get(call) },
    [`PUT ${type} item`]: {
      action: `${action}/write`,
      answer: (call) => gate.enter(call, () => put(call)),
    },
    [`DELETE ${type} item`]: {
      action: `${action}/delete`,
      answer: (call) => gate.enter(call, () => remove(call)),
    },
  }
}

type Gate = { enter: (call: ArmCall, write: () => ControlAnswer) => Promise<ControlAnswer> }

function createGate(): Gate {
  const writing = new Set<string>()
  const lastWrites = new Map<string, number>()
  return {
    async enter(call, write) {
      const { settings, now } = call.state
      const id = identityId(call.state, findIdentity(call)).toLowerCase()
      if (writing.has(id)) throw refuseConcurrent(id)
      const intervalMs = settings.credentialWriteIntervalSeconds * 1000
      const waitMs = (lastWrites.get(id) ?? -Infinity) + intervalMs - now().getTime()
      if (waitMs > 0) throw refuseTooSoon(Math.ceil(waitMs / 1000))
      lastWrites.set(id, now().getTime())
      writing.add(id)
      try {
        await delay(settings.credentialWriteMs)
        return write()
      } finally {
        writing.delete(id)
      }
    },
  }
}

function get(call: ArmCall): ControlAnswer {
  const identity = findIdentity(call)
  const name = nameAt(call, 1)
  const { credentials } = findIdentityApp(call.state, identity)
  const found = credentials.find((each) => each.name === name)
  if (!found) throw refuseMissingResource(call.target.id, groupOf(call))
  return { status: 200, body: describeCredential(call.state, identity, found) }
}

function put(call: ArmCall): ControlAnswer {
  const identity = findIdentity(call)
  const app = findIdentityApp(call.state, identity)
  const name = nameAt(call, 1)
  const properties = readProperties(call)
  const audiences = Array.isArray(properties['audiences']) ? properties['audiences'] : []
  if (audiences.length !== 1) {
    throw new ControlRefusal(
      400,
      'InvalidFederatedIdentityCredentialsAudienceLength',
      'Federated identity credentials must have exactly 1 audience.',
    )
  }
  const credential = {
    name,
    issuer: textOf(properties['issuer']),
    subject: textOf(properties['subject']),
    audience: textOf(audiences[0]),
  }
  const present = app.credentials.find((each) => each.name === name)
  try {
    if (present) app.replaceCredential(name, credential, propagate(call.state))
    else app.addCredential(credential, propagate(call.state))
  } catch (error) {
    throw error instanceof CredentialError ? refuseCredential(error) : error
  }
  const stored = app.credentials.find((each) => each.name === name)
  return {
    status: present ? 200 : 201,
    ...(stored && { body: describeCredential(call.state, identity, stored) }),
  }
}

function remove(call: ArmCall): ControlAnswer {
  const app = findIdentityApp(call.state, findIdentity(call))
  const name = nameAt(call, 1)
  if (!app.credentials.some((each) => each.name === name)) return { status: 204 }
  app.removeCredential(name, propagate(call.state))
  return { status: 200 }
}

function describeCredential(
  state: ArmState,
  identity: ArmIdentity,
  { name, issuer, subject, audience, expression }: StoredCredential,
): ArmObject {
  const matching = expression !== undefined && {
    claimsMatchingExpression: { value: expression, languageVersion: 1 },
  }
  return {
    id: `${identityId(state, identity)}/federatedIdentityCredentials/${name}`,
    name,
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
    properties: {
      issuer,
      subject: expression === undefined ? subject : null,
      audiences: [audience],
      ...matching,
    },
  }
}

function propagate({ settings, now }: ArmState): Propagation | undefined {
  const { credentialDelaySeconds, isCredentialDelayIntermittent } = settings
  if (credentialDelaySeconds <= 0) return undefined
  const from = new Date(now().getTime() + credentialDelaySeconds * 1000)
  return { from, isIntermittent: isCredentialDelayIntermittent }
}

function refuseConcurrent(id: string): ControlRefusal {
  return new ControlRefusal(
    409,
    'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity',
    `Too many Federated Identity Credentials are written concurrently for the managed identity '${id}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.`,
  )
}

function refuseTooSoon(seconds: number): ControlRefusal {
  return new ControlRefusal(
    429,
    'TooManyRequests',
    `The request is being throttled as the limit has been reached for operation type - Write_FederatedIdentityCredentials. Retry after ${seconds} seconds.`,
    { 'retry-after': String(seconds) },
  )
}

function refuseCredential({ problem, message }: CredentialError): ControlRefusal {
  if (problem === 'pair exists') {
    return new ControlRefusal(
      400,
      'BadRequest',
      'Issuer and subject combination already exists for this Managed Identity.',
    )
  }
  if (problem === 'too many') {
    return new ControlRefusal(
      400,
      'FederatedIdentityCredentialsLimitExceeded',
      'Too many Federated Identity Credentials have been created for the managed identity. The limit is 20.',
    )
  }
  return new ControlRefusal(400, 'BadRequest', `${message}.`)
}
