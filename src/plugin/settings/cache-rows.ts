// Settings of the build cache: keys, paths, and when a key is saved.
import type { SettingRow, Way } from './row.ts'

const saving: readonly Way[] = ['save']
const restoring: readonly Way[] = ['restore']
const both: readonly Way[] = ['restore', 'save']

/** Keys, paths and housekeeping. */
export const cacheRows = {
  cache_key: {
    help: 'key: text with `{{ hashFiles "…" }}`, `{{ branch }}`, `{{ os }}`, `{{ arch }}`, `{{ epoch }}`, `{{ build }}`, `{{ env NAME }}`; to list and clear also with `*`',
    type: 'text',
    otherwise: 'required, unless `preset` says it',
    ways: ['restore', 'save', 'keys', 'clear'],
  },
  restore_keys: {
    help: 'what other keys may begin with when there is no such key, the best first; the newest of those that do is taken',
    type: 'list',
    ways: restoring,
  },
  path: {
    help: 'files and folders that are kept, from the working folder, `~` or absolute',
    type: 'list',
    otherwise: 'required, unless `preset` says it',
    aliases: ['paths', 'mount', 'cache_path'],
    ways: both,
  },
  preset: {
    help: 'paths and keys for a build tool; `auto` goes by the lock files that are there',
    type: 'choice',
    fallback: 'none',
    values: [
      'none',
      'auto',
      'npm',
      'pnpm',
      'yarn',
      'go',
      'maven',
      'gradle',
      'cargo',
      'pip',
      'uv',
      'nuget',
      'bundler',
      'composer',
    ],
    ways: both,
  },
  scope: {
    help: 'whose caches: `default`, `branches/NAME` or `pulls/NUMBER`',
    type: 'text',
    otherwise: 'that of the build; for `prune` all of them',
    ways: ['restore', 'save', 'keys', 'clear', 'prune'],
  },
  lookup_only: {
    help: 'only say whether there is such a key',
    type: 'flag',
    fallback: 'false',
    ways: restoring,
  },
  fail_on_miss: {
    help: 'fail when nothing is there',
    type: 'flag',
    fallback: 'false',
    ways: restoring,
  },
  save: {
    help: 'when: only if no such key is there; again after every success; or always, also after a failure',
    type: 'choice',
    fallback: 'on-miss',
    values: ['on-miss', 'success', 'always'],
    ways: saving,
  },
  mode: {
    help: '`pack` sends every file once; `archive` makes one `.tar.zst` that other tools read',
    type: 'choice',
    fallback: 'auto',
    values: ['auto', 'pack', 'archive'],
    ways: saving,
  },
  level: {
    help: 'of compression (zstd)',
    type: 'count',
    fallback: '3',
    range: [1, 19],
    aliases: ['compression_level'],
    ways: saving,
  },
  ttl: {
    help: 'how long a key lives after its last use',
    type: 'duration',
    fallback: '14d',
    range: [60, 10 * 365 * 86_400],
    ways: ['prune'],
  },
  quota: {
    help: 'what the caches of the scopes may take together; the least recently used go first',
    type: 'size',
    otherwise: 'as much as there is',
    range: [0, 2 ** 50],
    ways: ['prune'],
  },
} as const satisfies Record<string, SettingRow>
