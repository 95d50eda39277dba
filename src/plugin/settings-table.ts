// Every setting of the step, once: parsing, `--help` and the documentation read this table.

/** One setting as it is written under `settings:` in .drone.yml. */
export type SettingRow = {
  /** What it means, one line. */
  help: string
  required?: true
  /** What it is when absent; only for display, the reader applies it. */
  fallback?: string
  /** The only values it may have. */
  values?: readonly string[]
}

/** The name of a setting. */
export type SettingName = keyof typeof table

const table = {
  token: {
    help: 'the build’s request token, by `from_secret`; absent when AZURE_STORAGE_DRONE_TOKEN is given',
  },
  action: {
    help: 'what to do',
    required: true,
    values: ['upload', 'download'],
  },
  account: { help: 'storage account name', required: true },
  container: { help: 'container name', required: true },
  source: {
    help: 'files, folders or globs to take (a list, or one text with commas); for a download, of blobs',
    required: true,
  },
  target: {
    help: 'for an upload the prefix in the container, for a download the folder to write into',
    fallback: 'the container’s root; the working folder',
  },
  overwrite: {
    help: 'whether a target that exists is replaced or ends the step',
    fallback: 'always',
    values: ['always', 'error'],
  },
  dotfiles: {
    help: 'also take names that begin with a dot',
    fallback: 'false',
    values: ['true', 'false'],
  },
  identity: {
    help: 'the identity this step expects to become; another one ends the step',
    fallback: 'the one the policy names',
  },
  tenant_id: { help: 'Entra tenant, together with client_id', fallback: 'from the trust service' },
  client_id: {
    help: 'application (client) id, together with tenant_id',
    fallback: 'from the trust service',
  },
  cloud: {
    help: 'the Azure cloud',
    fallback: 'public',
    values: ['public', 'usgov', 'china'],
  },
  endpoint: {
    help: 'blob endpoint, for private links and emulators (https only)',
    fallback: 'https://<account>.<suffix of the cloud>',
  },
  authority_host: {
    help: 'Entra’s authority (https only)',
    fallback: 'the one of the cloud',
  },
  ca_file: { help: 'PEM file with certificates to trust beside the usual ones' },
  concurrency: { help: 'connections to storage at a time, 1 to 256', fallback: '32' },
} satisfies Record<string, SettingRow>

/** All settings in the order people read them. */
export const settingsTable: Readonly<Record<SettingName, SettingRow>> = table

/** Settings of other plugins that carry a static key; they are refused by name. */
export const staticKeySettings: readonly string[] = [
  'access_key',
  'account_key',
  'client_certificate',
  'client_secret',
  'connection_string',
  'key',
  'password',
  'sas',
  'sas_token',
  'secret',
  'secret_key',
  'shared_key',
  'storage_key',
]

/** The variable that holds a setting. */
export function variableOf(name: string): string {
  return `PLUGIN_${name.toUpperCase()}`
}
