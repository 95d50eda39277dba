// What the parts of a plan have in common.
import type { Change, PlanNote } from './change.ts'
import type { DesiredIdentity } from './desired.ts'
import { ownerOf } from './ownership.ts'

/** An identity as it is, as far as it is there already. */
export type FoundIdentity = {
  desired: DesiredIdentity
  clientId: string | undefined
  principalId: string | undefined
}

/** Parts of a plan that are put in order at the end. */
export type PlanPart = { changes: Change[]; removals: Change[]; notes: PlanNote[] }

/** Whether two ids are the same; Azure takes no notice of their case. */
export function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one.toLowerCase() === other?.toLowerCase()
}

/** Whether something with this description was made by this installation. */
export function isOurs(installation: string, description: string | undefined): boolean {
  return ownerOf(description) === installation
}
