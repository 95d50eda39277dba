// One tenant's part of the desired state: whoever applies it is signed in to one at a time.
import type { DesiredState } from './desired.ts'

/** The tenants that something has to be in. */
export function tenantsOf({ identities }: DesiredState): string[] {
  return [...new Set(identities.map(({ tenantId }) => tenantId))]
}

/** What has to be in this tenant. */
export function inTenant(desired: DesiredState, tenantId: string): DesiredState {
  const isHere = (each: { tenantId: string }) => each.tenantId === tenantId.toLowerCase()
  return {
    installation: desired.installation,
    identities: desired.identities.filter((each) => isHere(each)),
    roleDefinitions: desired.roleDefinitions.filter((each) => isHere(each)),
  }
}
