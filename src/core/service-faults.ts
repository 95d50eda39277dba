// Failures found by the trust service and the command line: codes are `<room>_<what>`.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of configuration, CI, identity, policy, issuer, store, audit and CLI. */
export const serviceFaults = {
  config_invalid: row(500, 2, 'Correct the configuration as described and start again.'),

  ci_request_invalid: row(
    400,
    2,
    'Check that the URL in the CI server or runner is the one this service documents.',
  ),
  ci_request_too_large: row(
    413,
    2,
    'A build this large is nothing Drone sends; check who calls this URL.',
  ),
  ci_signature_invalid: row(401, 3, 'Give the runner or server and this service the same token.'),
  ci_signature_stale: row(
    401,
    3,
    'Set the clocks right (NTP) on the CI machine and on this service.',
  ),
  ci_runner_unknown: row(
    404,
    3,
    'Add the runner to the service configuration, or correct the URL in the runner.',
  ),
  ci_forge_other: row(
    403,
    3,
    "Set the instance's `forge_id`, or give each forge of the Woodpecker server an instance of its own.",
  ),
  ci_key_invalid: row(
    500,
    2,
    'Set `public_key` of the instance to the PEM text (BEGIN PUBLIC KEY) that the Woodpecker server answers at /api/signature/public-key.',
  ),
  ci_runner_repository: row(
    403,
    3,
    "Add the repository to this runner's `repositories` in the service configuration.",
  ),
  ci_api_unavailable: row(
    503,
    5,
    'Check the Drone server and its API: nothing is issued while it is asked and does not answer.',
    true,
  ),
  ci_api_denied: row(
    502,
    3,
    "Give the service the token of a Drone user who may read the repository (the instance's `api.token`).",
  ),
  ci_upstream_unavailable: row(
    502,
    5,
    "Check the extension this runner's requests are passed on to (the runner's `upstream`).",
    true,
  ),

  identity_event_unknown: row(
    403,
    3,
    'This build has an event this service does not know; use push, tag, pull_request, promote, rollback, cron or custom.',
  ),
  identity_subject_too_long: row(
    403,
    3,
    'Shorten the branch, cron or deployment target name: a subject may have 127 bytes.',
  ),

  identity_name_invalid: row(
    403,
    3,
    'Rename the branch, cron or deployment target: it is not valid Unicode text.',
  ),

  policy_entry_unknown: row(
    403,
    3,
    'Use the name of a policy entry in the secret (`get: {path: azure, name: …}`) or add the entry to the policy file.',
  ),
  policy_repository_denied: row(
    403,
    3,
    "Add this repository, with its id, to the policy entry's subjects.",
  ),
  policy_event_denied: row(
    403,
    3,
    "Add this kind of build to the policy entry's `events`, if it may have this identity.",
  ),
  policy_fork_denied: row(
    403,
    3,
    'Fork pull requests get no identity; move the step behind `when: {event: [push]}`, or give forks a quarantine entry of their own.',
  ),
  policy_ref_denied: row(
    403,
    3,
    "Add the ref to the policy entry's `refs`, if it may have this identity.",
  ),
  policy_audience_denied: row(
    403,
    3,
    "Ask for an audience of the policy entry's `audiences`, or add this one.",
  ),
  policy_ambiguous: row(
    403,
    3,
    'The environ extension needs exactly one matching policy entry; name the entry with a `kind: secret` instead.',
  ),
  policy_audit_only: row(
    403,
    3,
    'Set `mode: enforce` in the policy entry once its trial has shown what you expect.',
  ),
  policy_identity_unapplied: row(
    403,
    3,
    'Run `azure-storage-drone trust apply`, and put the client id it tells into the policy file.',
  ),
  policy_verb_denied: row(
    403,
    3,
    'Add the verb to a grant of the policy entry, if its builds may do this.',
  ),
  policy_path_denied: row(
    403,
    3,
    'Use a path below the prefix of a grant, or add a grant for this place to the policy entry.',
  ),
  policy_template_invalid: row(
    403,
    3,
    'Name the prefix in the grant: the id of this repository cannot stand in a path.',
  ),

  issuer_audience_missing: row(400, 2, 'Ask with exactly one `audience` parameter.'),
  issuer_audience_repeated: row(400, 2, 'Ask with exactly one `audience` parameter.'),
  issuer_version_unknown: row(
    400,
    2,
    'Ask with `v=1`, or use a plugin and a service of the same release.',
  ),
  issuer_token_unknown: row(
    401,
    3,
    'Use the token of this build as the CI server hands it out; it works only for the service that made it.',
  ),
  issuer_token_expired: row(
    401,
    3,
    'Restart the build: a request token lives as long as the build may run.',
  ),
  issuer_build_finished: row(
    403,
    3,
    'Nothing to do: a finished build gets no identity. Restart the build if it must run again.',
  ),
  issuer_build_not_running: row(
    403,
    3,
    'Approve the pipeline if it waits for that; otherwise find out who has its token.',
  ),
  issuer_build_unconfirmed: row(
    403,
    3,
    'Set DRONE_WEBHOOK_ENDPOINT and DRONE_WEBHOOK_SECRET on the Drone server so that it confirms its builds to this service.',
  ),
  issuer_build_contradicted: row(
    403,
    3,
    'Tell whoever runs the CI: the runner and the server disagree about this build.',
  ),
  issuer_direct_denied: row(
    403,
    3,
    'Ask for a request token (`get: {path: azure, name: …}`), or set `direct: true` in the one policy entry that admits this build for this audience.',
  ),
  issuer_busy: row(
    503,
    5,
    'Try again; if it stays, look at the health page of the trust service.',
    true,
  ),
  issuer_rate_limited: row(429, 5, 'Wait a little and try again.', true),
  issuer_admin_unknown: row(
    401,
    3,
    'Send the token of one of the `admins` in the service configuration as bearer.',
  ),
  issuer_request_invalid: row(
    400,
    2,
    'Send the JSON that docs/service.md describes for this route of the admin door.',
  ),
  issuer_review_absent: row(
    404,
    4,
    'Run `azure-storage-drone trust review` with --service, which records the review here.',
  ),
  issuer_unreachable: row(
    502,
    5,
    'Check that the trust service is up and that its SERVICE_URL resolves and routes from the step.',
    true,
  ),
  issuer_pin_mismatch: row(
    502,
    3,
    'Something other than the trust service answered: check proxies and DNS, or the authority of the service was exchanged while this build waited, and it has to be run again.',
  ),
  issuer_refused: row(403, 3, 'Read the reason; the policy file of the trust service decides.'),
  issuer_answer_invalid: row(
    502,
    5,
    'Check that SERVICE_URL leads to the trust service and not to a proxy page.',
    true,
  ),

  issuer_publish_narrows: row(
    409,
    4,
    'Publish with the state_dir of the service; if these keys are really to go, name each with --drop KID.',
  ),
  issuer_publish_refused: row(
    502,
    3,
    'Give the caller the role Storage Blob Data Contributor on the container, and a fresh access token.',
  ),
  issuer_publish_failed: row(502, 5, 'Check the place and the network, and publish again.', true),
  issuer_published_unreachable: row(
    502,
    5,
    'Make the issuer URL readable over https from where this runs: DNS, certificate, firewall, web server.',
    true,
  ),
  issuer_published_differs: row(
    500,
    6,
    'Run `azure-storage-drone issuer publish`, or correct what serves the issuer URL.',
  ),

  store_unavailable: row(
    503,
    5,
    'Check the database of the trust service: disk space, permissions, locks.',
    true,
  ),
  store_busy: row(503, 5, 'Try again; another process was at the same work.', true),
  store_in_use: row(409, 4, 'Stop the service that uses this database first.'),
  store_target_differs: row(
    409,
    6,
    'Give an empty database, or the one that an earlier move from this store was writing.',
  ),
  audit_unavailable: row(
    503,
    5,
    'Check the ledger of the trust service: nothing is issued while it cannot be written.',
    true,
  ),
  audit_chain_broken: row(
    500,
    6,
    'Keep the database as it is and compare it with a backup: a record was changed or removed.',
  ),
  audit_archive_failed: row(
    500,
    5,
    'Check the folder of `ledger.archive`: space and permissions. Nothing was removed from the ledger.',
    true,
  ),
  audit_file_invalid: row(
    400,
    2,
    'Give segment files of the archive, exported records, or a proof of `audit prove`.',
  ),
  audit_proof_invalid: row(
    400,
    6,
    'Ask whoever gave you the proof for a new one, and compare the public key with the one you know.',
  ),
  audit_build_unknown: row(
    404,
    4,
    'Name the build as REPOSITORY#NUMBER, with the number that the CI server shows.',
  ),
  cli_usage: row(400, 2, 'Run `azure-storage-drone --help`.'),
  image_failed: row(500, 4, 'Install what the sentence names; docs/images.md says what is needed.'),
  demo_failed: row(500, 6, 'Run again with --keep and look at the logs it names.'),
} satisfies Record<string, FaultRow>
