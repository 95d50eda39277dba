// Failures of the `trust` commands: setting trust up in Azure, looking after it, and asking the service.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the trust room. */
export const trustFaults = {
  trust_denied: row(
    403,
    3,
    'Sign in as somebody who may: Application Administrator in Entra, and Owner (or Role Based Access Control Administrator) where the storage accounts are.',
  ),
  trust_sign_in: row(
    401,
    3,
    'Sign in with `az login --tenant TENANT`, or choose another way with --sign-in.',
  ),
  trust_unavailable: row(503, 5, 'Run the command again: it continues where it stopped.', true),
  trust_refused: row(
    409,
    4,
    'Remove what stands in the way as Azure says (a lock, a policy, a name that is taken), and run the command again.',
  ),
  trust_service_denied: row(
    401,
    3,
    'Give the token of one of the `admins` in the service configuration: --admin-token-file, or AZURE_STORAGE_DRONE_ADMIN_TOKEN.',
  ),
  trust_service_unavailable: row(
    503,
    5,
    'Check that the trust service is up, and that --service is the address of its admin door (`listen.admin`).',
    true,
  ),
  trust_trial_unknown: row(
    404,
    4,
    'Give the trust service the new policy file (it reads it again when it changes), and run the command again.',
  ),
  trust_trial_refused: row(
    403,
    3,
    'Read what the trial says: waiting does not help. `azure-storage-drone trust review` compares Azure with the policy.',
  ),
  trust_trial_blocked: row(
    403,
    3,
    "Let the trust service's network through the firewall of the account, or try from a build's network with `azure-storage-drone doctor`.",
  ),
  trust_trial_unreachable: row(
    502,
    5,
    'Check name, network and proxy between the trust service and what it could not reach, and run the command again.',
    true,
  ),
  trust_trial_late: row(
    503,
    5,
    'Change nothing and run the command again later: new credentials and roles can take ten minutes, a new issuer half an hour.',
    true,
  ),
  trust_rename_full: row(
    409,
    4,
    'Change the subject form of an entry, run `azure-storage-drone trust apply`, and start again; or split the identity.',
  ),
  trust_rename_pending: row(
    409,
    4,
    'Rename at the source-code host, let the CI server see it (in Drone: synchronise the repositories), and run the command again.',
  ),
} satisfies Record<string, FaultRow>
