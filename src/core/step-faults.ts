// Failures found by a step: talking to Entra and to storage, and moving files.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the Azure clients, the transfer engine and the plugin. */
export const stepFaults = {
  azure_entra_unreachable: row(
    502,
    5,
    'Check the network, DNS and proxy between the step and the authority host.',
    true,
  ),
  azure_entra_throttled: row(503, 5, 'Try again later: Entra asked to slow down.', true),
  azure_entra_credential_absent: row(
    403,
    3,
    'Create a federated credential on the application with exactly this issuer, subject and audience; right after creation wait up to ten minutes.',
  ),
  azure_entra_issuer_unknown: row(
    403,
    3,
    'Set the `issuer` of the federated credential to exactly this text: a trailing slash counts.',
  ),
  azure_entra_subject_unknown: row(
    403,
    3,
    'Create a federated credential with exactly this subject, or correct the one you have.',
  ),
  azure_entra_subject_case: row(
    403,
    3,
    'Correct the case of the `subject` in the federated credential: Entra compares letter by letter.',
  ),
  azure_entra_audience_unknown: row(
    403,
    3,
    'Set the `audience` of the federated credential to exactly this text; it differs by cloud.',
  ),
  azure_entra_key_unknown: row(
    403,
    5,
    'Publish the signing key at the issuer URL and wait: Entra may need up to 30 minutes to see a new key.',
    true,
  ),
  azure_entra_issuer_unreadable: row(
    403,
    5,
    'Make the issuer URL readable from the internet (discovery document and JWKS), then try again.',
    true,
  ),
  azure_entra_signature_invalid: row(
    403,
    3,
    'The published key is not the one that signs: publish the right JWKS under the issuer URL.',
  ),
  azure_entra_assertion_expired: row(
    403,
    5,
    'Set the clock right on the trust service (NTP); a fresh token is asked for on every try.',
    true,
  ),
  azure_entra_assertion_malformed: row(
    403,
    3,
    'The ID token did not arrive whole: check that nothing quotes, cuts or masks the token setting.',
  ),
  azure_entra_app_unknown: row(
    403,
    3,
    'Check tenant and client id, and that the application has a service principal in this tenant.',
  ),
  azure_entra_app_disabled: row(
    403,
    3,
    'Enable the application or its service principal in Entra.',
  ),
  azure_entra_tenant_unknown: row(403, 3, 'Check the tenant id and the cloud (authority host).'),
  azure_entra_not_federated: row(
    403,
    3,
    'Remove client secrets and certificates from the step: the identity comes from federation.',
  ),
  azure_entra_scope_invalid: row(
    403,
    2,
    'This is a defect in the request for a storage token; check the `cloud` setting.',
  ),
  azure_entra_policy_blocked: row(
    403,
    3,
    'Ask your Entra administrators: a tenant policy (Conditional Access or federation policy) blocks this exchange.',
  ),
  azure_entra_propagating: row(
    403,
    5,
    'Change nothing and wait up to ten minutes: Entra has not seen the change everywhere yet.',
    true,
  ),
  azure_entra_refused: row(
    403,
    3,
    "Look the AADSTS code up in Entra's sign-in log under this correlation id.",
  ),

  azure_storage_unreachable: row(
    502,
    5,
    'Check account name, DNS, network and proxy between the step and the storage endpoint.',
    true,
  ),
  azure_storage_throttled: row(
    503,
    5,
    'Try again later: the storage account asked to slow down.',
    true,
  ),
  azure_storage_unavailable: row(
    503,
    5,
    'Try again later; if it stays, look at the health page of the storage service.',
    true,
  ),
  azure_storage_token_refused: row(
    401,
    3,
    "Check that the account lives in the identity's tenant and that the clock is right.",
  ),
  azure_storage_role_missing: row(
    403,
    3,
    'Assign a data role (Storage Blob Data Reader or Contributor) on the container; a new assignment takes up to ten minutes.',
  ),
  azure_storage_role_propagating: row(
    403,
    5,
    'Change nothing and wait: a role assignment takes up to ten minutes, seldom 30.',
    true,
  ),
  azure_storage_network_blocked: row(
    403,
    3,
    "Allow this runner's network in the account's firewall, or use its private endpoint.",
  ),
  azure_storage_key_refused: row(
    403,
    3,
    'Remove the account key or SAS from the step: the account accepts federated identities only.',
  ),
  azure_storage_container_absent: row(
    404,
    4,
    'Create the container, or correct the `account` and `container` settings.',
  ),
  azure_storage_lease_held: row(412, 4, 'Wait until the lease on the blob ends, or break it.'),
  azure_storage_immutable: row(
    409,
    4,
    'The blob is under an immutability policy or legal hold: write to another name.',
  ),
  azure_storage_archived: row(409, 4, 'Rehydrate the blob to Hot, Cool or Cold first.'),
  azure_storage_refused: row(
    400,
    4,
    'Read the storage code and message; the request id finds the call in the storage logs.',
  ),

  transfer_no_files: row(
    404,
    4,
    'Correct `source`; set `dotfiles: true` if the files begin with a dot.',
  ),
  transfer_target_exists: row(
    409,
    4,
    'Choose another `target`, remove what is there, or set `overwrite: always`.',
  ),
  transfer_blob_absent: row(404, 4, 'Check the name; it may have been removed by another build.'),
  transfer_blob_changed: row(
    412,
    4,
    'Something else writes the same blob: run again, or use one target per build.',
  ),
  transfer_name_clash: row(409, 2, 'Give the two sources different names or different targets.'),
  transfer_name_invalid: row(400, 2, 'Rename it: this name cannot be kept on the other side.'),
  transfer_pattern_invalid: row(
    400,
    2,
    'Correct the pattern: `*`, `**`, `?`, `[a-z]`, `{a,b}`, and `!` in front of what is taken away.',
  ),
  transfer_link_refused: row(
    400,
    2,
    'Leave the link out with `exclude`, or set `symlinks: skip`; links may only lead to places inside of the source.',
  ),
  transfer_properties_invalid: row(400, 2, 'Correct the rule: Azure would refuse it.'),
  transfer_encoding_invalid: row(
    422,
    6,
    'Set `decompress: never` to get the bytes as they are kept, or upload the file again.',
  ),
  transfer_expands_too_far: row(
    422,
    6,
    'Set `decompress: never` to get the bytes as they are kept, if you trust who wrote them.',
  ),
  transfer_path_unsafe: row(
    400,
    6,
    'Refuse this container as a source: the name would be written outside the target folder.',
  ),
  transfer_source_unreadable: row(
    404,
    4,
    'Check that the file exists and that the step may read it.',
  ),
  transfer_file_changed: row(
    409,
    6,
    'Something writes the file while it is sent: finish writing first, then run again.',
  ),
  transfer_target_unwritable: row(403, 4, 'Check that the step may write to the target folder.'),
  transfer_disk_full: row(
    507,
    5,
    'Free space on the disk of the build machine, or download less; nothing half-written was left.',
    true,
  ),
  transfer_checksum_mismatch: row(
    422,
    6,
    'Run again; if it stays, the blob or a proxy between is damaged.',
  ),
  transfer_source_empty: row(
    404,
    4,
    'Check `source`; to empty a target on purpose, use the action `remove`.',
  ),
  transfer_too_many_removals: row(
    409,
    4,
    'Look at the list of a dry run; set `max_delete` higher if all of it may go.',
  ),
  transfer_interrupted: row(
    499,
    5,
    'Run the step again: it goes on where this one ended, and no file is half-written.',
    true,
  ),

  plugin_setting_invalid: row(400, 2, 'Correct the setting in .drone.yml.'),
  plugin_token_empty: row(401, 3, ''),
  plugin_token_malformed: row(
    400,
    2,
    'Use the whole value of the secret as it is; it begins with `asd1.`.',
  ),
  plugin_assertion_absent: row(
    404,
    4,
    'Let the cluster mount it: the pod needs the service account and the label of workload identity.',
  ),
  plugin_assertion_malformed: row(
    400,
    2,
    'Check what sets it: it has to be one JWT as it is, neither quoted, cut nor masked.',
  ),
  plugin_assertion_expired: row(
    403,
    3,
    'Whoever keeps the token fresh does not: look there, and at the clock of this machine.',
  ),
  plugin_managed_identity_unreachable: row(
    502,
    5,
    'Run the step on an Azure VM with a managed identity or on a machine with Azure Arc, or leave out `identity: managed` and give a `token`.',
    true,
  ),
  plugin_managed_identity_refused: row(
    403,
    3,
    'Assign the identity to this machine, and name it by `client_id` if it has several.',
  ),
  plugin_azure_cli_absent: row(
    404,
    4,
    'Install Azure CLI and run `az login`, or give a request token in AZURE_STORAGE_DRONE_TOKEN.',
  ),
  plugin_azure_cli_refused: row(403, 3, 'Run `az login`, then try again.'),

  handoff_command_absent: row(404, 4, 'Check the command behind `--` and PATH.'),
  handoff_unwritable: row(
    507,
    4,
    'Give a TMPDIR that can be written to: the token files need a few kilobytes.',
  ),
} satisfies Record<string, FaultRow>
