// What the table says of one setting; parsing, `--help`, the command line and docs/plugin.md read it.

/** What a step or a command does. */
export type Action =
  | 'upload'
  | 'download'
  | 'sync'
  | 'list'
  | 'remove'
  | 'link'
  | 'verify'
  | CacheAction

/** What is done with caches. */
export type CacheAction = 'restore' | 'save' | 'keys' | 'clear' | 'prune'

/** An action with its direction known: a sync goes up or down. */
export type Way = 'up' | 'down' | 'list' | 'remove' | 'link' | 'verify' | CacheAction

/** How the value is written and read. */
export type SettingType =
  | 'text'
  | 'count'
  | 'size'
  | 'duration'
  | 'flag'
  | 'choice'
  | 'list'
  /** One text for all files, or a map from globs to texts. */
  | 'values'
  /** A map of texts for all files, or a map from globs to such maps. */
  | 'pairs'
  /** A list of globs, or a map from globs to algorithms. */
  | 'compress'
  /** A list of maps. */
  | 'maps'

/** One setting as it is written under `settings:` in .drone.yml. */
export type SettingRow = {
  /** What it means, one line. */
  help: string
  type: SettingType
  /** Belongs to the step as a whole and cannot stand in a transfer of `transfers`. */
  scope?: 'step'
  required?: true
  /** What it is when absent; the reader parses this very text. */
  fallback?: string
  /** What it is when absent, in words, where that is no fixed text. */
  otherwise?: string
  /** The only values it may have. */
  values?: readonly string[]
  /** Other ways to write a value. */
  synonyms?: Readonly<Record<string, string>>
  /** Least and greatest value; sizes in bytes, durations in seconds. */
  range?: readonly [number, number]
  /** Names it has in other plugins. */
  aliases?: readonly string[]
  /** Environment variables of other plugins that stand for it when it is absent. */
  variables?: readonly string[]
  /** Where it means something; absent: everywhere. */
  ways?: readonly Way[]
  /** Only a sync has use for it, or also the ways named. */
  syncOnly?: true
  /** Only Blob Storage knows it. */
  service?: 'blob'
}

/** Ways that move files. */
export const moving: readonly Way[] = ['up', 'down']

/** Ways that give files names on the other side. */
export const naming: readonly Way[] = ['up', 'down', 'verify']

/** Ways that choose among many files. */
export const choosing: readonly Way[] = ['up', 'down', 'list', 'remove', 'verify']
