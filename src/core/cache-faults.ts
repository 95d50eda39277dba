// Failures of the build cache: keys, scopes, what was saved, and what may not be planted on a disk.
import { row, type FaultRow } from './fault-row.ts'

/** Codes of the cache. */
export const cacheFaults = {
  cache_key_invalid: row(
    400,
    2,
    'Correct `key` or `restore_keys`; docs/cache.md has what may stand in them.',
  ),
  cache_scope_unknown: row(
    400,
    2,
    'Give `scope`: `default`, `branches/NAME` or `pulls/NUMBER`; in a build of Drone or Woodpecker it is known.',
  ),
  cache_absent: row(
    404,
    4,
    'Leave out `fail_on_miss` where a build can do without its cache, or look with `cache list` what is there.',
  ),
  cache_archive_invalid: row(
    502,
    6,
    'Remove this key by `cache clear` and save it again; if it comes back, somebody else writes to this place.',
  ),
  cache_entry_refused: row(
    403,
    6,
    'Do not use this cache: nothing of it was written. Find out by `cache show` and `trace --blob` which build saved it, and remove it by `cache clear`.',
  ),
  cache_tree_unreadable: row(
    400,
    2,
    'Give the step the rights to read what it is to save, or leave it out of `path`.',
  ),
  cache_tree_changed: row(
    409,
    4,
    'Save when nothing writes below `path` any more, or leave out of it what a running program writes.',
  ),
  cache_disk_failed: row(
    507,
    5,
    'Make room or correct the rights on the folder; what was there before is there still.',
    true,
  ),
} as const satisfies Record<string, FaultRow>
