// The name of a managed identity as a resource.
import type { DesiredIdentity } from './desired.ts'

/** The resource id of the managed identity that is asked for. */
export function managedIdentityId({
  resource,
  displayName,
}: Pick<DesiredIdentity, 'resource' | 'displayName'>): string {
  const { subscription = '', resourceGroup = '' } = resource ?? {}
  return `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${displayName}`
}
