// What there is in one tenant, read with read rights alone, in the form that plans are made from.
import type { ActualState } from './actual.ts'
import type { ControlDeps } from './control.ts'
import type { DesiredState } from './desired.ts'
import {
  readAccounts,
  readAssignments,
  readDefinitions,
  readManagedIdentities,
} from './read-arm.ts'
import { readDirectory } from './read-graph.ts'
import { inTenant } from './tenant.ts'

/** One tenant as far as the policy reaches; throws trust_denied, trust_unavailable or trust_refused. */
export async function readActual(
  deps: ControlDeps,
  desired: DesiredState,
  tenantId: string,
): Promise<ActualState> {
  const here = inTenant(desired, tenantId)
  const directory = await readDirectory(deps, here)
  const managed = await readManagedIdentities(deps, here)
  const principalIds = [
    ...directory.servicePrincipals.map(({ objectId }) => objectId),
    ...managed.managedIdentities.map(({ principalId }) => principalId),
  ]
  const roleAssignments = await readAssignments(deps, here, principalIds)
  return {
    tenantId,
    ...directory,
    managedIdentities: managed.managedIdentities,
    credentials: [...directory.credentials, ...managed.credentials],
    roleAssignments,
    roleDefinitions: await readDefinitions(deps, here, roleAssignments),
    accounts: await readAccounts(deps, here),
  }
}
