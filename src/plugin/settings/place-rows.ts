// Settings that say what is done, and where.
import type { SettingRow } from './row.ts'

/** Action, account, container or share, and how they are reached. */
export const placeRows = {
  action: {
    help: 'what to do; `sync` makes the target like the source by content, `restore` to `prune` are of the [build cache](cache.md)',
    type: 'choice',
    required: true,
    values: [
      'upload',
      'download',
      'sync',
      'list',
      'remove',
      'link',
      'verify',
      'restore',
      'save',
      'keys',
      'clear',
      'prune',
    ],
  },
  direction: {
    help: 'which way a sync goes: `up` to storage, `down` to the workspace',
    type: 'choice',
    fallback: 'up',
    values: ['up', 'down'],
    syncOnly: true,
    ways: [],
  },
  transfers: {
    help: 'several transfers in one step, in order, with one identity: a list of maps with settings of their own over those of the step',
    type: 'maps',
    scope: 'step',
  },
  account: {
    help: 'storage account name',
    type: 'text',
    required: true,
    aliases: ['storage_account', 'account_name', 'storage_account_name'],
    variables: ['AZURE_STORAGE_ACCOUNT'],
  },
  service: {
    help: 'Blob Storage or Azure Files',
    type: 'choice',
    otherwise: '`blob` with `container`, `files` with `share`',
    values: ['blob', 'files'],
    synonyms: { file: 'files' },
  },
  container: {
    help: 'blob container',
    type: 'text',
    otherwise: '`$web` with `site`',
    aliases: ['bucket', 'container_name'],
    variables: ['AZURE_STORAGE_CONTAINER'],
  },
  share: { help: 'file share', type: 'text', aliases: ['share_name', 'file_share'] },
  cloud: {
    help: 'the Azure cloud',
    type: 'choice',
    scope: 'step',
    fallback: 'public',
    values: ['public', 'usgov', 'china'],
  },
  endpoint: {
    help: 'endpoint of the account, for private links, custom domains and Azurite (https only)',
    type: 'text',
    otherwise: 'the account’s in its cloud',
  },
} as const satisfies Record<string, SettingRow>
