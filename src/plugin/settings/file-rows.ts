// Settings that say which files are meant, what they are called on the other side, and what happens
// to what is there.
import { choosing, moving, naming, type SettingRow } from './row.ts'

/** Selection, naming, overwriting and removing. */
export const fileRows = {
  source: {
    help: 'files, folders or globs to take; one with `!` in front takes away from those before it. For `upload` of the workspace, otherwise of the container or share',
    type: 'list',
    otherwise: 'required; everything for `list` and `verify`',
    aliases: ['sources'],
    variables: ['AZURE_STORAGE_SOURCE'],
  },
  include: {
    help: 'globs on the path below a source; only what one of them matches is taken',
    type: 'list',
    ways: choosing,
    otherwise: 'everything',
  },
  exclude: {
    help: 'globs on the path below a source; what one of them matches is left out, and never removed by a sync',
    type: 'list',
    aliases: ['ignore'],
    ways: choosing,
    otherwise: 'nothing',
  },
  ignore_file: {
    help: 'a file of `.gitignore` form; what it matches is left out',
    type: 'text',
    ways: choosing,
  },
  dotfiles: {
    help: 'also take names that begin with a dot',
    type: 'flag',
    fallback: 'false',
    aliases: ['include_hidden_files'],
    ways: choosing,
  },
  case_sensitive: {
    help: 'whether globs tell capitals from small letters',
    type: 'flag',
    fallback: 'true',
    ways: choosing,
  },
  symlinks: {
    help: '`skip` counts them, `follow` takes what they point to, `keep` takes them as links',
    type: 'choice',
    fallback: 'skip',
    values: ['skip', 'follow', 'keep'],
    ways: moving,
  },
  empty_folders: {
    help: 'also make folders that hold no file',
    type: 'flag',
    fallback: 'false',
    ways: moving,
  },
  if_no_files: {
    help: 'what to do when nothing matches',
    type: 'choice',
    fallback: 'error',
    values: ['error', 'warn', 'ignore'],
    aliases: ['if_no_files_found'],
    ways: choosing,
  },
  target: {
    help: 'for an upload the prefix in the container or the folder in the share, for a download the folder to write into, for `verify` a folder to compare with, for caches the folder of the repository’s',
    type: 'text',
    otherwise: 'the root; the working folder; the stored digests; the name of the repository',
    ways: [...naming, 'restore', 'save', 'keys', 'clear', 'prune'],
  },
  strip_prefix: {
    help: 'leading part of every path that is cut off instead of the fixed part of its source; `*` and `**` stand for segments',
    type: 'text',
    ways: naming,
  },
  flatten: {
    help: 'keep only the last segment of every path',
    type: 'flag',
    fallback: 'false',
    ways: naming,
  },
  overwrite: {
    help: 'what happens to a name that exists: replace it `always`, `never`, when its content has `changed`, when the source is `newer`, or end the step with an `error`',
    type: 'choice',
    otherwise: '`always`; `changed` for `sync`',
    values: ['always', 'never', 'changed', 'newer', 'error'],
    synonyms: { true: 'always', false: 'never' },
    ways: moving,
  },
  delete: {
    help: 'remove at the target what the source does not have, after everything else went well',
    type: 'flag',
    fallback: 'false',
    syncOnly: true,
    ways: [],
  },
  max_delete: {
    help: 'more removals than this end the step before the first one',
    type: 'count',
    range: [0, Number.MAX_SAFE_INTEGER],
    otherwise: 'no limit',
    syncOnly: true,
    ways: ['remove'],
  },
  protect: {
    help: 'globs on target names that are never removed',
    type: 'list',
    syncOnly: true,
    ways: [],
  },
  dry_run: {
    help: 'say what would be done, and do nothing',
    type: 'flag',
    fallback: 'false',
    ways: ['up', 'down', 'remove'],
  },
  lifetime: {
    help: 'how long a link works',
    type: 'duration',
    fallback: '15m',
    range: [60, 3600],
    ways: ['link'],
  },
} as const satisfies Record<string, SettingRow>
