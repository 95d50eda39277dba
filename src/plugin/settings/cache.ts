// One cache action of a step, from its settings.
import type { PresetName } from '../../cache/preset.ts'
import type { SaveRule } from '../../cache/save.ts'
import type { Reader } from './reader.ts'
import type { CacheAction } from './row.ts'

const cacheActions: readonly string[] = ['restore', 'save', 'keys', 'clear', 'prune']

/** A cache action, checked; keys are templates still. */
export type CacheJob = {
  action: CacheAction
  /** Of the repository's caches, without slashes at its ends; empty for that of the build's repository. */
  folder: string
  key: string | undefined
  restoreKeys: readonly string[]
  paths: readonly string[]
  preset: PresetName | 'auto' | 'none'
  scope: string | undefined
  lookupOnly: boolean
  failOnMiss: boolean
  rule: SaveRule
  mode: 'pack' | 'archive'
  level: number
  ttlMs: number
  quotaBytes: number | undefined
}

/** Whether an action is one of the cache's. */
export function isCacheAction(action: string): action is CacheAction {
  return cacheActions.includes(action)
}

/** Reads a cache action; what is wrong is taken down. */
export function readCache(reader: Reader, action: CacheAction): CacheJob {
  const preset = reader.choice<CacheJob['preset']>('preset', 'none')
  const key = reader.text('cache_key')
  const paths = reader.list('path')
  const moves = action === 'restore' || action === 'save'
  if (moves && preset === 'none') {
    if (key === undefined) reader.refuse('cache_key', 'is missing: give it, or a preset')
    if (paths.length === 0) reader.refuse('path', 'is missing: give it, or a preset')
  }
  if (action === 'clear' && key === undefined) {
    reader.refuse('cache_key', 'is missing: `*` stands for anything')
  }
  if (reader.raw('service') === 'files' || reader.has('share')) {
    reader.refuse('share', 'keeps no caches: their safety rests on conditions that only blobs have')
  }
  // Packs send least and restore least; archives are for other tools.
  const mode = reader.choice<'auto' | CacheJob['mode']>('mode', 'auto')
  return {
    action,
    folder: readFolder(reader),
    key,
    restoreKeys: reader.list('restore_keys'),
    paths,
    preset,
    scope: reader.text('scope'),
    lookupOnly: reader.flag('lookup_only'),
    failOnMiss: reader.flag('fail_on_miss'),
    rule: reader.choice<SaveRule>('save', 'on-miss'),
    mode: mode === 'auto' ? 'pack' : mode,
    level: reader.count('level') ?? 3,
    ttlMs: reader.duration('ttl') * 1000,
    quotaBytes: reader.has('quota') ? reader.size('quota') : undefined,
  }
}

function readFolder(reader: Reader): string {
  const text = reader.text('target') ?? ''
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) reader.refuse('target', 'must not contain `..`')
  return segments.join('/')
}
