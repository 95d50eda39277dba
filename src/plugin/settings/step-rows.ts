// Settings of the step as a whole: who it is, how hard it works, what it leaves behind.
import type { SettingRow } from './row.ts'

const mebibyte = 1024 * 1024

/** Identity, effort and outputs. */
export const stepRows = {
  token: {
    help: 'the build’s request token, by `from_secret`; absent when the masked variable AZURE_STORAGE_DRONE_TOKEN is given',
    type: 'text',
    scope: 'step',
    otherwise: 'required, unless the identity comes from elsewhere',
  },
  oidc_token_id: {
    help: 'an ID token that Harness itself hands to the step; takes `tenant_id` and `client_id`',
    type: 'text',
    scope: 'step',
  },
  identity: {
    help: 'name of the identity this step expects to become; another one ends the step. `managed` without a token: the managed identity of the machine, which every build on it can use',
    type: 'text',
    scope: 'step',
    otherwise: 'the one the policy names',
  },
  tenant_id: {
    help: 'Entra tenant, together with `client_id`',
    type: 'text',
    scope: 'step',
    otherwise: 'from the trust service',
  },
  client_id: {
    help: 'application (client) id, together with `tenant_id`; alone for a user-assigned managed identity',
    type: 'text',
    scope: 'step',
    otherwise: 'from the trust service',
  },
  authority_host: {
    help: 'Entra’s authority (https only)',
    type: 'text',
    scope: 'step',
    otherwise: 'the one of the cloud',
    aliases: ['azure_authority_host'],
  },
  ca_file: {
    help: 'PEM file with certificates to trust beside the usual ones',
    type: 'text',
    scope: 'step',
  },
  concurrency: {
    help: 'connections to storage at most; fewer are used when they suffice',
    type: 'count',
    scope: 'step',
    fallback: '128',
    range: [1, 512],
    aliases: ['max_concurrency'],
  },
  memory: {
    help: 'memory for content on its way, beside what Node itself takes',
    type: 'size',
    scope: 'step',
    fallback: '128MB',
    range: [16 * mebibyte, 16 * 1024 * mebibyte],
  },
  retries: {
    help: 'further tries of a storage call that met trouble which may pass',
    type: 'count',
    scope: 'step',
    fallback: '5',
    range: [0, 20],
  },
  progress: {
    help: '`auto` is a bar on a terminal and a line every 5 s elsewhere',
    type: 'choice',
    scope: 'step',
    fallback: 'auto',
    values: ['auto', 'none'],
  },
  output_file: {
    help: 'file to write the outcome to: JSON when it ends in `.json`, otherwise variables for `.` of a shell, and JSON beside it',
    type: 'text',
    scope: 'step',
  },
  artifact_file: {
    help: 'file to name what was uploaded in, as Harness’s page of artifacts reads it; Harness sets it itself',
    type: 'text',
    scope: 'step',
  },
  card: {
    help: 'https URL of a template for the card of the step in Drone’s pages (docs/plugin.md has one to publish)',
    type: 'text',
    scope: 'step',
  },
} as const satisfies Record<string, SettingRow>
