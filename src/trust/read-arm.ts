// Managed identities, role assignments, custom roles and storage accounts as ARM tells them
// (azure-docs, role-assignments-list-rest.md; facts/federation.md §1.6, §3.2).
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type {
  ActualAssignment,
  ActualCredential,
  ActualManagedIdentity,
  ActualRoleDefinition,
  ActualState,
} from './actual.ts'
import { callControl, type ControlDeps, listControl, readForm } from './control.ts'
import { type DesiredState } from './desired.ts'
import { managedIdentityId } from './managed-identity.ts'
import { isOurs, isSame } from './plan-part.ts'
import { apiVersions } from './wire.ts'

const rolesVersion = `api-version=${apiVersions.roles}`

const identityForm = z.object({
  id: z.string(),
  properties: z.object({ clientId: z.string(), principalId: z.string() }),
})

const credentialForm = z.object({
  id: z.string(),
  name: z.string(),
  properties: z.object({
    issuer: z.string().nullish(),
    subject: z.string().nullish(),
    audiences: z.array(z.string()).nullish(),
  }),
})

const assignmentForm = z.object({
  name: z.string(),
  properties: z.object({
    scope: z.string(),
    principalId: z.string(),
    roleDefinitionId: z.string(),
    condition: z.string().nullish(),
    description: z.string().nullish(),
    createdOn: z.string().nullish(),
  }),
})

const definitionForm = z.object({
  name: z.string(),
  properties: z.object({
    roleName: z.string(),
    type: z.string(),
    description: z.string().nullish(),
    assignableScopes: z.array(z.string()).nullish(),
    permissions: z
      .array(
        z.object({
          actions: z.array(z.string()).nullish(),
          dataActions: z.array(z.string()).nullish(),
        }),
      )
      .nullish(),
  }),
})

/** The resource ids of the storage accounts that roles are wanted in. */
export function accountIdsOf({ identities }: DesiredState): string[] {
  const scopes = identities.flatMap(({ assignments }) => assignments.map(({ scope }) => scope))
  return distinct(scopes.map((scope) => scope.split('/').slice(0, 9).join('/')))
}

/** The subscriptions of the accounts and managed identities, as resource ids. */
export function subscriptionsOf(desired: DesiredState): string[] {
  const placed = desired.identities.flatMap(({ resource }) =>
    resource ? [`/subscriptions/${resource.subscription}`] : [],
  )
  const ids = accountIdsOf(desired).map((id) => id.split('/').slice(0, 3).join('/'))
  return distinct([...ids, ...placed])
}

/** The managed identities of the policy, with their credentials. */
export async function readManagedIdentities(
  deps: ControlDeps,
  desired: DesiredState,
): Promise<Pick<ActualState, 'managedIdentities' | 'credentials'>> {
  const wanted = desired.identities.filter(({ kind }) => kind === 'managed_identity')
  const found = new Map<string, ActualManagedIdentity>()
  for (const each of wanted.filter(({ resource }) => resource)) {
    const path = `${managedIdentityId(each)}?api-version=${apiVersions.managedIdentities}`
    const { status, body } = await callControl(deps, deps.arm, { path, accept: [404] })
    if (status === 404) continue
    const one = toManaged(readForm(deps.arm, identityForm, body))
    found.set(one.resourceId.toLowerCase(), one)
  }
  const isMissing = ({ clientId }: { clientId: string | undefined }) =>
    clientId !== undefined && !found.values().some((each) => isSame(each.clientId, clientId))
  if (wanted.some((each) => isMissing(each))) {
    for (const subscription of subscriptionsOf(desired)) {
      const path = `${subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version=${apiVersions.managedIdentities}`
      for (const each of await listControl(deps, deps.arm, path)) {
        const one = toManaged(readForm(deps.arm, identityForm, each))
        if (wanted.some(({ clientId }) => isSame(clientId, one.clientId))) {
          found.set(one.resourceId.toLowerCase(), one)
        }
      }
    }
  }
  const managedIdentities = [...found.values()]
  const credentials: ActualCredential[] = []
  for (const each of managedIdentities) credentials.push(...(await readCredentials(deps, each)))
  return { managedIdentities, credentials }
}

/** Role assignments of these principals, and ours to whomever; those above a subscription are in the list, too. */
export async function readAssignments(
  deps: ControlDeps,
  desired: DesiredState,
  principalIds: readonly string[],
): Promise<ActualAssignment[]> {
  const found = new Map<string, ActualAssignment>()
  const list = `providers/Microsoft.Authorization/roleAssignments?${rolesVersion}`
  for (const subscription of subscriptionsOf(desired)) {
    for (const each of await listBelow(deps, desired, subscription, list)) {
      const assignment = toAssignment(readForm(deps.arm, assignmentForm, each))
      const isWanted =
        principalIds.some((id) => isSame(id, assignment.principalId)) ||
        isOurs(desired.installation, assignment.description)
      if (isWanted) found.set(`${assignment.scope} ${assignment.guid}`.toLowerCase(), assignment)
    }
  }
  return [...found.values()]
}

/** Custom roles, and whatever other roles these assignments are of. */
export async function readDefinitions(
  deps: ControlDeps,
  desired: DesiredState,
  assignments: readonly ActualAssignment[],
): Promise<ActualRoleDefinition[]> {
  const found = new Map<string, ActualRoleDefinition>()
  const keep = (body: unknown) => {
    const one = toDefinition(readForm(deps.arm, definitionForm, body))
    found.set(one.guid.toLowerCase(), one)
  }
  const filter = encodeURIComponent("type eq 'CustomRole'")
  const list = `providers/Microsoft.Authorization/roleDefinitions?${rolesVersion}&$filter=${filter}`
  for (const subscription of subscriptionsOf(desired)) {
    for (const each of await listBelow(deps, desired, subscription, list)) keep(each)
  }
  for (const { roleGuid, scope } of assignments) {
    if (found.has(roleGuid.toLowerCase())) continue
    const path = `${scope}/providers/Microsoft.Authorization/roleDefinitions/${roleGuid}?${rolesVersion}`
    const { status, body } = await callControl(deps, deps.arm, { path, accept: [403, 404] })
    if (status < 300) keep(body)
  }
  return [...found.values()]
}

/** Which of the accounts are there. */
export async function readAccounts(
  deps: ControlDeps,
  desired: DesiredState,
): Promise<ActualState['accounts']> {
  const found: ActualState['accounts'] = []
  for (const id of accountIdsOf(desired)) {
    const path = `${id}?api-version=${apiVersions.storage}`
    const { status } = await callControl(deps, deps.arm, { path, accept: [404] })
    const [, , subscription = '', , resourceGroup = '', , , , name = ''] = id.split('/')
    if (status !== 404) found.push({ name, subscription, resourceGroup })
  }
  return found
}

// Who may read no whole subscription may still read its accounts.
async function listBelow(
  deps: ControlDeps,
  desired: DesiredState,
  subscription: string,
  list: string,
): Promise<unknown[]> {
  try {
    return await listControl(deps, deps.arm, `${subscription}/${list}`)
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'trust_denied') throw error
    const ids = accountIdsOf(desired).filter((id) => id.startsWith(`${subscription}/`))
    if (ids.length === 0) throw error
    const found: unknown[] = []
    for (const id of ids) found.push(...(await listControl(deps, deps.arm, `${id}/${list}`)))
    return found
  }
}

async function readCredentials(
  deps: ControlDeps,
  { resourceId, clientId }: ActualManagedIdentity,
): Promise<ActualCredential[]> {
  const path = `${resourceId}/federatedIdentityCredentials?api-version=${apiVersions.managedIdentities}`
  const listed = await listControl(deps, deps.arm, path)
  return listed.map((each) => {
    const { id, name, properties } = readForm(deps.arm, credentialForm, each)
    const { issuer, subject, audiences } = properties
    return {
      clientId,
      id,
      name,
      issuer: issuer ?? '',
      subject: subject ?? null,
      audiences: audiences ?? [],
    }
  })
}

function toManaged({ id, properties }: z.output<typeof identityForm>): ActualManagedIdentity {
  return { resourceId: id, ...properties }
}

function toAssignment({ name, properties }: z.output<typeof assignmentForm>): ActualAssignment {
  const { scope, principalId, roleDefinitionId, condition, description, createdOn } = properties
  return {
    guid: name,
    scope,
    principalId,
    roleGuid: roleDefinitionId.split('/').at(-1) ?? '',
    ...(condition && { condition }),
    ...(description && { description }),
    ...(createdOn && { createdAt: createdOn }),
  }
}

function toDefinition({ name, properties }: z.output<typeof definitionForm>): ActualRoleDefinition {
  const { roleName, type, description, assignableScopes, permissions } = properties
  const parts = permissions ?? []
  return {
    guid: name,
    name: roleName,
    isBuiltIn: type !== 'CustomRole',
    ...(description && { description }),
    actions: parts.flatMap(({ actions }) => actions ?? []),
    dataActions: parts.flatMap(({ dataActions }) => dataActions ?? []),
    assignableScopes: assignableScopes ?? [],
  }
}

function distinct(texts: readonly string[]): string[] {
  return [...new Map(texts.map((text) => [text.toLowerCase(), text])).values()]
}
