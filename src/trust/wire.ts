// What is sent to Graph and ARM for each thing of a plan: paths and bodies (facts/federation.md §1.5, §1.6,
// §3.2). Shared by whoever applies a plan and by the script that people run themselves.
import type { PlannedAssignment } from './change.ts'
import type { DesiredCredential, DesiredIdentity } from './desired.ts'
import type { DesiredRoleDefinition } from './roles.ts'

/** API versions of ARM that are used. */
export const apiVersions = {
  roles: '2022-04-01',
  managedIdentities: '2024-11-30',
  storage: '2024-01-01',
  diagnostics: '2021-05-01-preview',
} as const

/** Graph's body of a federated credential; its name is in the path of an upsert. */
export function toGraphCredential(credential: DesiredCredential): Record<string, unknown> {
  const { name, issuer, subject, audience, description } = credential
  return { name, issuer, subject, audiences: [audience], description }
}

/** ARM's body of a managed identity's credential; it has no description. */
export function toArmCredential(credential: DesiredCredential): Record<string, unknown> {
  const { issuer, subject, audience } = credential
  return { properties: { issuer, subject, audiences: [audience] } }
}

/** Graph's body of an application that we make: single tenant, and nothing else. */
export function toGraphApplication({
  displayName,
}: Pick<DesiredIdentity, 'displayName'>): Record<string, unknown> {
  return { displayName, signInAudience: 'AzureADMyOrg' }
}

/** ARM's body of a custom role. */
export function toArmDefinition(
  definition: Omit<DesiredRoleDefinition, 'tenantId'>,
): Record<string, unknown> {
  const { name: roleName, description, dataActions, assignableScopes } = definition
  const permissions = [{ actions: [], notActions: [], dataActions, notDataActions: [] }]
  return {
    properties: { roleName, description, type: 'CustomRole', permissions, assignableScopes },
  }
}

/** Where a custom role is put: in the subscription of its first scope. */
export function definitionPath({
  guid,
  assignableScopes,
}: Pick<DesiredRoleDefinition, 'guid' | 'assignableScopes'>): string {
  return definitionId(assignableScopes[0] ?? '', guid)
}

/** ARM's body of a role assignment to an application or managed identity. */
export function toArmAssignment(
  assignment: PlannedAssignment,
  principalId: string,
): Record<string, unknown> {
  const { scope, condition, description, roleGuid } = assignment
  return {
    properties: {
      roleDefinitionId: definitionId(scope, roleGuid),
      principalId,
      // Saves the search for a principal that is not everywhere in the directory yet.
      principalType: 'ServicePrincipal',
      description,
      ...(condition !== undefined && { condition, conditionVersion: '2.0' }),
    },
  }
}

/** The resource id of a role in the subscription of a scope. */
export function definitionId(scope: string, roleGuid: string): string {
  const subscription = scope.split('/').slice(0, 3).join('/')
  return `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${roleGuid}`
}

/** The resource id of a role assignment. */
export function assignmentPath(scope: string, guid: string): string {
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`
}
