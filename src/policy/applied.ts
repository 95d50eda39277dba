// Whether an identity of the policy is there in Azure already: nothing is issued for one that is not.
import { Fault } from '../core/fault.ts'
import type { AzureIdentity, PolicyEntry } from './schema.ts'

/** An identity with a client id. */
export type AppliedIdentity = AzureIdentity & { clientId: string }

/** The identity of an entry, ready to be become; throws policy_identity_unapplied while it has no client id. */
export function needApplied({ name, identity }: PolicyEntry): AppliedIdentity {
  const { clientId } = identity
  if (clientId !== undefined) return { ...identity, clientId }
  throw new Fault(
    'policy_identity_unapplied',
    `The policy entry "${name}" leads to the identity "${identity.name}", which has no client_id yet: it is not applied.`,
  )
}
