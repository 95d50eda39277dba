// The words of a plan: single changes that can be carried out one after the other, and what stays as it
// is although the policy does not ask for it.
import type { DesiredAssignment } from './assignments.ts'
import type { DesiredCredential } from './desired.ts'
import type { DesiredRoleDefinition } from './roles.ts'

/** What is done with a thing. */
export type Action = 'add' | 'update' | 'remove'

/** A credential, as it is to be, or as it is when it is to go. */
export type PlannedCredential = Omit<DesiredCredential, 'subject'> & { subject: string | null }

/** An assignment, as it is to be, or as it is when it is to go. */
export type PlannedAssignment = Pick<DesiredAssignment, 'scope' | 'condition' | 'description'> & {
  roleGuid: string
  roleName: string
}

/** What a change is about, whatever it does. */
type Common<Kind extends string> = {
  kind: Kind
  action: Action
  /** The identity's name in the policy; the client id of one that is no longer in it. */
  identity: string
  /** What differs, as `<field>: <before> -> <after>`; empty unless something is updated. */
  differences: string[]
}

/** One change. What is undefined is known only once an earlier change of the plan is done. */
export type Change =
  | (Common<'application'> & { displayName: string; uniqueName: string })
  | (Common<'managed_identity'> & { name: string; resourceId: string; location: string })
  | (Common<'service_principal'> & { clientId: string | undefined })
  | (Common<'credential'> & { clientId: string | undefined; credential: PlannedCredential })
  | (Common<'role_definition'> & { definition: Omit<DesiredRoleDefinition, 'tenantId'> })
  | (Common<'role_assignment'> & {
      principalId: string | undefined
      guid: string | undefined
      assignment: PlannedAssignment
    })

/** Codes of notes. */
export type NoteCode =
  | 'plan_tenant_other'
  | 'plan_identity_missing'
  | 'plan_principal_disabled'
  | 'plan_account_missing'
  | 'plan_credential_foreign'
  | 'plan_credential_conflict'
  | 'plan_credentials_many'
  | 'plan_assignment_foreign'
  | 'plan_assignment_conflict'
  | 'plan_application_unused'
  | 'plan_role_used'

/** Something to know; a plan with one that blocks must not be carried out as it is. */
export type PlanNote = { code: NoteCode; identity: string; message: string; isBlocking: boolean }

/** Changes in the order in which they can be made, and notes. */
export type TrustPlan = { changes: Change[]; notes: PlanNote[] }

/** Whether a change takes something away; these come last, so that builds never go without. */
export function isRemoval({ action }: Pick<Change, 'action'>): boolean {
  return action === 'remove'
}
