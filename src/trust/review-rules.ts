// What a review can find: stable codes, how bad each is, and what to do (facts/federation.md §3.4, §7.2).
import type { FindingRule, Path, Severity } from './finding.ts'

function rule(severity: Severity, title: string, fix: string): FindingRule {
  return { severity, title, fix }
}

/** Every kind of finding of `trust review` by its code. */
export const reviewRules = {
  review_identity_missing: rule(
    'error',
    'An identity of the policy that is not there',
    'Run `trust apply`; if the application was deleted, take client_id out first.',
  ),
  review_principal_disabled: rule(
    'error',
    'An identity that is switched off',
    'Find out who switched it off and why; then enable its service principal, or take the entry out.',
  ),
  review_credential_unknown: rule(
    'error',
    'A federated credential that nobody asked for',
    'Find out who added it and whom it lets in; then remove it by hand.',
  ),
  review_credential_flexible: rule(
    'error',
    'A federated credential that matches an expression',
    'Remove it by hand: patterns let in what nobody has thought of.',
  ),
  review_credential_missing: rule(
    'error',
    'A federated credential that is missing',
    'Run `trust apply`: builds with this subject are refused.',
  ),
  review_credential_dangling: rule(
    'warning',
    'A federated credential the policy no longer asks for',
    'Run `trust apply`, which removes it.',
  ),
  review_credential_changed: rule(
    'error',
    'A federated credential that was changed',
    'Find out who changed it; then run `trust apply`.',
  ),
  review_credential_unused: rule(
    'warning',
    'A federated credential nobody has used',
    'Take the ref or the entry out of the policy if no build needs it, and run `trust apply`.',
  ),
  review_sign_ins_unread: rule(
    'note',
    'The sign-in log could not be read',
    'Review with AuditLog.Read.All in a tenant with Entra ID P1 to see what is never used.',
  ),
  review_application_secret: rule(
    'error',
    'A client secret on the application',
    'Remove it: whoever has it becomes the identity without any build.',
  ),
  review_application_certificate: rule(
    'error',
    'A certificate on the application',
    'Remove it: whoever has its key becomes the identity without any build.',
  ),
  review_application_owner: rule(
    'warning',
    'Somebody owns the application',
    'Remove the owner: an owner can add a secret or a credential. Administrators can do without.',
  ),
  review_application_unused: rule(
    'warning',
    'An application nothing uses any more',
    'Delete the application by hand.',
  ),
  review_managed_identity: rule(
    'warning',
    'A managed identity',
    'Prefer an application: tokens of a managed identity live for a day, and every step of its machine can ask for one.',
  ),
  review_role_missing: rule(
    'error',
    'A role that is missing',
    'Run `trust apply`: builds are refused by storage.',
  ),
  review_role_changed: rule(
    'error',
    'A role assignment or custom role that was changed',
    'Find out who changed it; then run `trust apply`.',
  ),
  review_role_dangling: rule(
    'warning',
    'A role the policy no longer asks for',
    'Run `trust apply`, which removes it.',
  ),
  review_role_unknown: rule(
    'error',
    'A role that nobody asked for',
    'Find out who assigned it; then remove it by hand, or write the grant into the policy.',
  ),
  review_role_high: rule(
    'error',
    'A role on a whole account or more',
    'Remove the assignment, and grant the container in the policy.',
  ),
  review_role_keys: rule(
    'error',
    'A role that can read account keys',
    'Remove the assignment: with a key every other rule is passed by.',
  ),
  review_role_reader: rule(
    'note',
    'A role that reads settings',
    'Right for the identity that runs `trust review` by itself; remove it from every other.',
  ),
  review_account_missing: rule(
    'error',
    'A storage account that is not there',
    'Correct `accounts` in the policy, or make the account.',
  ),
  review_container_missing: rule(
    'warning',
    'A container or share that is not there',
    'Make it, or correct the grant: who makes it later decides what is in it.',
  ),
  review_account_shared_key: rule(
    'error',
    'Account keys work',
    'Set allowSharedKeyAccess to false on the account, once nothing signs with a key.',
  ),
  review_account_open: rule(
    'warning',
    'The account is open to the whole internet',
    'Set the default action of its network rules to Deny, and allow the networks of your runners.',
  ),
  review_logs_off: rule(
    'warning',
    'Storage does not log every read, write and delete',
    'Add a diagnostic setting with StorageRead, StorageWrite and StorageDelete to the service.',
  ),
  review_repository_gone: rule(
    'error',
    'A repository that is not in the CI server',
    'Take it out of the policy and run `trust apply`: what is trusted there is a name that anybody may take.',
  ),
  review_repository_renamed: rule(
    'error',
    'A repository that has another name',
    'Run `trust rotate --rename OLD=NEW` with the names in the message: its builds are refused until then.',
  ),
  review_repository_replaced: rule(
    'error',
    'A name that belongs to another repository',
    'Find out who has the name now; then take the repository out of the policy, or write the id of the one that is meant.',
  ),
  review_repository_inactive: rule(
    'warning',
    'A repository that is not active in the CI server',
    'Activate it again, or take it out of the policy: trust that nobody uses is only there to be misused.',
  ),
  review_repositories_unchecked: rule(
    'note',
    'Repositories that could not be looked up',
    "Review where `instances.*.api` and its token can be read, with an administrator's token: others are not shown every repository.",
  ),
  review_key_due: rule(
    'warning',
    'The signing key is to be replaced',
    'Run `trust rotate --keys`; where a next key waits already, see that the public issuer URL serves it.',
  ),
  review_key_unchecked: rule(
    'note',
    'The signing keys were not looked at',
    'Review with --service and an admin token.',
  ),
} satisfies Record<string, FindingRule>

/** The stable code of a kind of finding. */
export type ReviewCode = keyof typeof reviewRules

/** One finding of a review, and what in the policy file it is about. */
export type ReviewFinding = {
  code: ReviewCode
  severity: Severity
  message: string
  fix: string
  path: Path
}

/** A finding about a place in the policy; its severity and advice are those of its code. */
export function foundAt(code: ReviewCode, path: Path, message: string): ReviewFinding {
  const { severity, fix } = reviewRules[code]
  return { code, severity, message, fix, path }
}
