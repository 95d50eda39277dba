// Carries a plan out, change by change in its order. Every write is an upsert under a name that follows
// from its contents, so a run that stopped half-way is continued by the next one. One at a time: Azure
// takes no two writes of one managed identity at once (facts/federation.md §1.6).
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type { ActualState } from './actual.ts'
import type { Change } from './change.ts'
import { callControl, type ControlDeps, readForm } from './control.ts'
import type { DesiredState } from './desired.ts'
import { assignmentGuid } from './guid.ts'
import { managedIdentityId } from './managed-identity.ts'
import { applicationTag } from './ownership.ts'
import { isSame } from './plan-part.ts'
import { findApplication, readPrincipals } from './read-graph.ts'
import {
  apiVersions,
  assignmentPath,
  definitionPath,
  toArmAssignment,
  toArmCredential,
  toArmDefinition,
  toGraphApplication,
  toGraphCredential,
} from './wire.ts'

/** What is known of an identity of the policy once it is there. */
export type KnownIdentity = {
  clientId: string
  /** Object id of the application; undefined for a managed identity. */
  applicationId: string | undefined
  /** Resource id of the managed identity; undefined for an application. */
  resourceId: string | undefined
  /** Undefined until the service principal is there. */
  principalId: string | undefined
}

/** What carrying out tells while it works. */
export type ApplyEvents = {
  onDone: (change: Change) => void
  /** An identity was made, and has this client id from now on. */
  onMade: (identity: string, clientId: string) => void
}

type Work = {
  deps: ControlDeps
  installation: string
  actual: ActualState
  /** Key: the identity's name in the policy. */
  known: Map<string, KnownIdentity>
  events: ApplyEvents
}

const upsert = { prefer: 'create-if-missing' }
// One directory server has not heard yet what another one made a moment ago.
const fresh = [
  'Request_ResourceNotFound',
  'PrincipalNotFound',
  'ResourceNotFound',
  'RoleDefinitionDoesNotExist',
]

/** Carries out the changes of a plan for this state; throws the fault of the first that fails. */
export async function applyPlan(
  deps: ControlDeps,
  { desired, actual }: { desired: DesiredState; actual: ActualState },
  changes: readonly Change[],
  events: ApplyEvents,
): Promise<void> {
  const known = findKnown(desired, actual)
  const work = { deps, installation: desired.installation, actual, known, events }
  for (const change of changes) {
    await carryOut(work, change)
    events.onDone(change)
  }
}

/** The identities of the policy that are there, by their names in it. */
export function findKnown(
  { identities }: DesiredState,
  actual: ActualState,
): Map<string, KnownIdentity> {
  const known = new Map<string, KnownIdentity>()
  for (const identity of identities) {
    const { name, clientId, uniqueName } = identity
    if (identity.kind === 'application') {
      const found = actual.applications.find((each) =>
        clientId === undefined ? each.uniqueName === uniqueName : isSame(each.appId, clientId),
      )
      if (found) known.set(name, knownApplication(actual, found))
      continue
    }
    const resourceId = managedIdentityId(identity)
    const found = actual.managedIdentities.find((each) =>
      clientId === undefined
        ? isSame(each.resourceId, resourceId)
        : isSame(each.clientId, clientId),
    )
    if (found) known.set(name, { applicationId: undefined, ...found })
  }
  return known
}

function knownApplication(
  { servicePrincipals }: ActualState,
  { appId, objectId }: { appId: string; objectId: string },
): KnownIdentity {
  const principal = servicePrincipals.find((each) => isSame(each.appId, appId))
  return {
    clientId: appId,
    applicationId: objectId,
    resourceId: undefined,
    principalId: principal?.objectId,
  }
}

function carryOut(work: Work, change: Change): Promise<void> {
  switch (change.kind) {
    case 'application':
      return makeApplication(work, change)
    case 'managed_identity':
      return makeManagedIdentity(work, change)
    case 'service_principal':
      return makePrincipal(work, change)
    case 'credential':
      return changeCredential(work, change)
    case 'role_definition':
      return changeDefinition(work, change)
    default:
      return changeAssignment(work, change)
  }
}

type ChangeOf<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>

async function makeApplication(
  { deps, installation, known, events }: Work,
  change: ChangeOf<'application'>,
): Promise<void> {
  const key = `uniqueName='${change.uniqueName}'`
  const tags = [applicationTag(installation)]
  const body = { ...toGraphApplication(change), tags }
  const path = `/v1.0/applications(${key})`
  await callControl(deps, deps.graph, { method: 'PATCH', path, headers: upsert, body })
  const made = await again(deps, () => findApplication(deps, key))
  if (!made)
    throw new Fault(
      'trust_unavailable',
      `The application ${change.displayName} was made but cannot be read yet.`,
    )
  const { appId: clientId, objectId: applicationId } = made
  known.set(change.identity, {
    clientId,
    applicationId,
    resourceId: undefined,
    principalId: undefined,
  })
  events.onMade(change.identity, clientId)
}

const managedForm = z.object({
  id: z.string(),
  properties: z.object({ clientId: z.string(), principalId: z.string() }),
})

async function makeManagedIdentity(
  { deps, known, events }: Work,
  { identity, resourceId, location }: ChangeOf<'managed_identity'>,
): Promise<void> {
  const path = `${resourceId}?api-version=${apiVersions.managedIdentities}`
  const made = await callControl(deps, deps.arm, { method: 'PUT', path, body: { location } })
  const { id, properties } = readForm(deps.arm, managedForm, made.body)
  known.set(identity, { ...properties, applicationId: undefined, resourceId: id })
  events.onMade(identity, properties.clientId)
}

async function makePrincipal(
  { deps, known }: Work,
  { identity }: ChangeOf<'service_principal'>,
): Promise<void> {
  const found = needKnown(known, identity)
  await callControl(deps, deps.graph, {
    method: 'PATCH',
    path: `/v1.0/servicePrincipals(appId='${found.clientId}')`,
    headers: upsert,
    body: {},
    // The application was made a moment ago, and not every server knows it.
    passing: [...fresh, 'Request_BadRequest'],
  })
  const principal = await again(deps, async () => {
    const [first] = await readPrincipals(deps, { appId: found.clientId })
    return first
  })
  if (!principal)
    throw new Fault(
      'trust_unavailable',
      `The service principal of ${found.clientId} was made but cannot be read yet.`,
    )
  found.principalId = principal.objectId
}

async function changeCredential(work: Work, change: ChangeOf<'credential'>): Promise<void> {
  const { deps } = work
  const { action, credential } = change
  const owner = ownerOf(work, change)
  const method =
    action === 'remove' ? 'DELETE' : owner.applicationId === undefined ? 'PUT' : 'PATCH'
  const wanted = { ...credential, subject: credential.subject ?? '' }
  const isRemoval = method === 'DELETE'
  if (owner.applicationId === undefined) {
    await callControl(deps, deps.arm, {
      method,
      path: `${owner.resourceId}/federatedIdentityCredentials/${credential.name}?api-version=${apiVersions.managedIdentities}`,
      ...(isRemoval ? { accept: [404] } : { body: toArmCredential(wanted), passing: fresh }),
    })
    return
  }
  const list = `/v1.0/applications/${owner.applicationId}/federatedIdentityCredentials`
  await callControl(deps, deps.graph, {
    method,
    path: isRemoval ? `${list}/${credential.name}` : `${list}(name='${credential.name}')`,
    ...(isRemoval
      ? { accept: [404] }
      : { headers: upsert, body: toGraphCredential(wanted), passing: fresh }),
  })
}

async function changeDefinition(
  { deps }: Work,
  { action, definition }: ChangeOf<'role_definition'>,
): Promise<void> {
  const path = `${definitionPath(definition)}?api-version=${apiVersions.roles}`
  if (action !== 'remove') {
    await callControl(deps, deps.arm, { method: 'PUT', path, body: toArmDefinition(definition) })
    return
  }
  // The assignments of it went just before.
  const passing = ['RoleDefinitionHasAssignments']
  await callControl(deps, deps.arm, { method: 'DELETE', path, accept: [404], passing })
}

async function changeAssignment(
  { deps, known }: Work,
  change: ChangeOf<'role_assignment'>,
): Promise<void> {
  const { action, assignment } = change
  const { scope, roleGuid } = assignment
  const principalId = change.principalId ?? needKnown(known, change.identity).principalId
  if (principalId === undefined) throw new TypeError(`${change.identity} has no service principal`)
  const guid = change.guid ?? assignmentGuid(scope, principalId, roleGuid)
  const path = `${assignmentPath(scope, guid)}?api-version=${apiVersions.roles}`
  if (action === 'remove') {
    await callControl(deps, deps.arm, { method: 'DELETE', path, accept: [404] })
    return
  }
  const body = toArmAssignment(assignment, principalId)
  await callControl(deps, deps.arm, {
    method: 'PUT',
    path,
    body,
    passing: ['PrincipalNotFound', 'RoleDefinitionDoesNotExist'],
  })
}

// The owner of a credential that is to go may have left the policy; the state still knows it.
function ownerOf(
  { known, actual }: Work,
  { identity, clientId }: ChangeOf<'credential'>,
): KnownIdentity {
  const found = known.get(identity)
  if (found) return found
  const application = actual.applications.find(({ appId }) => isSame(appId, clientId))
  if (application) return knownApplication(actual, application)
  const managed = actual.managedIdentities.find((each) => isSame(each.clientId, clientId))
  if (managed) return { applicationId: undefined, ...managed }
  return needKnown(known, identity)
}

function needKnown(known: Map<string, KnownIdentity>, identity: string): KnownIdentity {
  const found = known.get(identity)
  if (found) return found
  throw new TypeError(`the plan changes ${identity} before it is there`)
}

const readDelaysMs = [500, 1_000, 2_000, 4_000, 8_000]

// Reads until what was just written is there, or patience ends.
async function again<T>(
  { retry: { sleep, signal } }: ControlDeps,
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const delayMs of readDelaysMs) {
    const found = await read()
    if (found !== undefined) return found
    await sleep(delayMs, signal)
  }
  return read()
}
