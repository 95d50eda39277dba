// What can be found wrong with trust as it is planned: stable codes, how bad each is, and what to do.

/** How bad a finding is; an error means that builds fail or that strangers get in. */
export type Severity = 'error' | 'warning' | 'note'

/** One kind of finding: how bad, its title, and what to do about it. */
export type FindingRule = { severity: Severity; title: string; fix: string }

/** A place in the data of one of the two files. */
export type Path = readonly (string | number)[]

/** One finding, with the place it is about; `path` leads through the data of `file`. */
export type TrustFinding = {
  code: TrustCode
  severity: Severity
  message: string
  fix: string
  file: 'policy' | 'config'
  path: Path
}

function rule(severity: Severity, title: string, fix: string): FindingRule {
  return { severity, title, fix }
}

/** Every kind of finding of `trust lint` by its code. */
export const trustRules = {
  trust_issuer_slash: rule(
    'error',
    'The issuer URL ends in a slash',
    'Write issuer_url without the slash at its end: Entra compares letter by letter.',
  ),
  trust_issuer_form: rule(
    'error',
    'The issuer URL is not one Entra can use',
    'Write issuer_url as https://host/path, host in lower case, without query, blanks, % or *.',
  ),
  trust_instance_unknown: rule(
    'error',
    'The policy names a CI instance the service does not have',
    'Correct the name, or add the instance to the service configuration.',
  ),
  trust_star_literal: rule(
    'error',
    'Entra takes "*" as a letter',
    'Write out each name; only `refs` know patterns, and those need `subject: policy`.',
  ),
  trust_refs_case: rule(
    'warning',
    'Refs that differ in case only',
    'Keep the ref as the repository spells it: refs, subjects and Entra are compared letter by letter.',
  ),
  trust_slug_case: rule(
    'warning',
    'One repository in two spellings',
    'Spell the repository in every entry as the CI server does today.',
  ),
  trust_refs_near: rule(
    'warning',
    'Refs that are nearly the same',
    'Remove the one that no repository has, or rename it so that nobody confuses the two.',
  ),
  trust_ref_short: rule(
    'error',
    'A ref that no build has',
    'Write the whole ref, such as refs/heads/main or refs/tags/v*.',
  ),
  trust_ref_dead: rule(
    'warning',
    'An event that none of the refs allows',
    'Add a ref that builds of this class have, or take the event away.',
  ),
  trust_audience_spelling: rule(
    'error',
    'An audience that is nearly one of Azure',
    'Spell the audience exactly as the cloud does.',
  ),
  trust_audience_cloud: rule(
    'error',
    'The wrong audience for the cloud',
    "Put the audience of the account's cloud among `audiences`.",
  ),
  trust_clouds_mixed: rule(
    'error',
    'One identity for accounts of several clouds',
    'Give each cloud an identity of its own: an application lives in one cloud only.',
  ),
  trust_subject_long: rule(
    'error',
    'A subject over 127 bytes',
    'Use `subject: policy`, or a shorter ref: builds with this subject are refused.',
  ),
  trust_subject_open: rule(
    'error',
    'Subjects that cannot be counted',
    'Use `subject: policy` in this entry: one credential for all its builds.',
  ),
  trust_credentials_many: rule(
    'error',
    'More than 20 federated credentials on one identity',
    'Use the subject form that is named, or split the identity.',
  ),
  trust_role_wider: rule(
    'warning',
    'A role that gives more than the verbs',
    'Check that nothing else on the share relies on NTFS access lists, or go through the gateway.',
  ),
  trust_role_custom: rule(
    'note',
    'No built-in role fits',
    'Let `trust apply` make the custom role, or ask for the verbs of a built-in one.',
  ),
  trust_gateway_only: rule(
    'note',
    'Only the gateway can enforce the grant',
    'Nothing to do: this grant gives no role in Azure.',
  ),
  trust_fork_container: rule(
    'error',
    'Forks reach a container of others',
    'Give the quarantine entry a container of its own.',
  ),
  trust_fork_identity: rule(
    'error',
    'Forks share an application with others',
    'Give the quarantine entry an identity of its own.',
  ),
  trust_account_unknown: rule(
    'error',
    'A storage account nobody has placed',
    'Add the account to `accounts`, with its subscription and resource group.',
  ),
  trust_condition_long: rule(
    'error',
    'A condition over 8 KiB',
    'Grant fewer prefixes of one container to this identity, or a common prefix.',
  ),
  trust_identity_unapplied: rule(
    'note',
    'An identity that is still to be made',
    'Run `trust apply`, and put the client id it tells into the policy file.',
  ),
  trust_managed_identity: rule(
    'warning',
    'A managed identity',
    'Prefer an application: tokens of a managed identity live for a day and cannot be shortened.',
  ),
} satisfies Record<string, FindingRule>

/** The stable code of a kind of finding. */
export type TrustCode = keyof typeof trustRules

/** A finding in the policy file; its severity and advice are those of its code. */
export function findingAt(code: TrustCode, path: Path, message: string): TrustFinding {
  const { severity, fix } = trustRules[code]
  return { code, severity, message, fix, file: 'policy', path }
}
