// The command line of `azure-storage-drone upload|download|…`: flags are the settings with dashes,
// and what a URL names needs no flag.
import { parseArgs } from 'node:util'

import { findSetting, type SettingName, settingNames, settingsTable } from '../settings-table.ts'
import { isCacheAction } from './cache.ts'
import { explainStranger } from './collect.ts'
import type { Action, CacheAction, SettingType } from './row.ts'
import { isUrl, readUrl, type UrlPlace } from './url.ts'
import { splitList } from './values.ts'

/** Settings and what else a command line says. */
export type CommandLine = {
  given: [name: string, raw: unknown][]
  wantsHelp: boolean
  wantsJson: boolean
  /** What is wrong with the words that are no settings. */
  problems: string[]
}

type Found = {
  names: Map<string, unknown>
  words: string[]
  flags: Set<string>
  problems: string[]
}

// A URL and the order of words say these.
const byWords: readonly SettingName[] = [
  'action',
  'direction',
  'transfers',
  'token',
  'oidc_token_id',
  'artifact_file',
  'account',
  'service',
  'container',
  'share',
  'source',
  'target',
  'card',
]

const repeatable: readonly SettingType[] = ['list', 'pairs', 'compress', 'maps']

/** Whether a setting is a flag of the command line. */
export function isFlagSetting(name: SettingName): boolean {
  return !byWords.includes(name)
}

/** `--max-delete` for `max_delete`. */
export function toFlagName(name: string): string {
  return `--${name.replaceAll('_', '-')}`
}

/** Reads the words behind the action; nothing is checked that the settings check. */
export function readCommandLine(action: Action, args: readonly string[]): CommandLine {
  const found = readWords(args)
  const { names, flags, problems } = found
  const given: CommandLine['given'] = [['action', action], ...names]
  if (!flags.has('help')) given.push(...readPlaces(action, found))
  // Otherwise whoever reads the settings says it.
  const strangers = [...names.keys()].filter((name) => findSetting(name) === undefined)
  if (problems.length > 0) {
    problems.unshift(...strangers.map((name) => explainStranger(name, toFlagName)))
  }
  return { given, wantsHelp: flags.has('help'), wantsJson: flags.has('json'), problems }
}

function readWords(args: readonly string[]): Found {
  const known = settingNames()
    .filter((name) => isFlagSetting(name))
    .flatMap((name) => [name, ...(settingsTable[name].aliases ?? [])])
  const options = Object.fromEntries(
    known.map((name) => [
      toFlagName(name).slice(2),
      { type: typeOf(name) === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } },
    strict: false,
    tokens: true,
  })
  const found: Found = { names: new Map(), words: [], flags: new Set(), problems: [] }
  let isStranger = false
  for (const token of tokens) {
    // The word behind a misspelt flag was to be its value, and is no place.
    if (token.kind === 'positional' && !(isStranger && !isUrl(token.value))) {
      found.words.push(token.value)
    }
    isStranger = false
    if (token.kind === 'option') {
      takeFlag(found, token.name, token.value)
      isStranger = token.value === undefined && !isKnown(token.name)
    }
  }
  return found
}

function takeFlag(found: Found, flag: string, value?: string): void {
  if (flag === 'help' || flag === 'json') found.flags.add(flag)
  else if (isOff(flag)) found.names.set(toName(flag.slice(3)), 'false')
  else takeValue(found, flag, value)
}

function takeValue({ names, problems }: Found, flag: string, value?: string): void {
  const name = toName(flag)
  const setting = findSetting(name)
  // Whoever reads the names says what is unknown.
  if (setting === undefined) names.set(name, value ?? 'true')
  else if (!isFlagSetting(setting)) {
    problems.push(`--${flag} is no flag here: the URL and the other words say it`)
  } else {
    const { type } = settingsTable[setting]
    const text = value ?? (type === 'flag' ? 'true' : undefined)
    if (text === undefined) problems.push(`--${flag} has no value`)
    else names.set(name, join(type, names.get(name), text))
  }
}

// `--no-preserve`, for settings that are flags.
function isOff(flag: string): boolean {
  return flag.startsWith('no-') && typeOf(toName(flag.slice(3))) === 'flag'
}

// `--exclude a --exclude b` are two globs; of other settings the last word counts.
function join(type: SettingType, before: unknown, value: string): unknown {
  if (typeof before !== 'string' || !repeatable.includes(type)) return value
  const parts = [before, value]
  const isJson = parts.some((part) => /^\s*[[{]/.test(part))
  return isJson ? value : parts.flatMap((part) => splitList(part)).join(',')
}

function isKnown(flag: string): boolean {
  return flag === 'json' || flag === 'help' || isOff(flag) || typeOf(toName(flag)) !== undefined
}

function toName(flag: string): string {
  return flag.replaceAll('-', '_')
}

function typeOf(name: string): SettingType | undefined {
  const setting = findSetting(name)
  return setting && settingsTable[setting].type
}

function readPlaces(action: Action, found: Found): CommandLine['given'] {
  const { names, words, problems } = found
  const goesUp = action === 'upload' || (action === 'sync' && !isUrl(words[0] ?? ''))
  const usage = usageOf(action, goesUp)
  if (!usage.fits(words.map((word) => isUrl(word)))) {
    problems.push(`${action} takes ${usage.takes}`)
    return []
  }
  const places = readUrls(found)
  const [first] = places
  if (first === undefined) return []
  const paths = words.filter((word) => !isUrl(word))
  const given = first.given.filter(([name]) => !names.has(name))
  if (isCacheAction(action)) return [...given, ...readCacheWords(action, first.path, paths)]
  if (action === 'sync') given.push(['direction', goesUp ? 'up' : 'down'])
  if (goesUp) return [...given, ['source', paths], ['target', first.path]]
  if (paths[0] !== undefined) given.push(['target', paths[0]])
  return [...given, ['source', places.map(({ path }) => (path === '' ? '.' : path))]]
}

// Beside the folder of the caches: paths to keep, or the key that is meant.
function readCacheWords(
  action: CacheAction,
  folder: string,
  words: readonly string[],
): CommandLine['given'] {
  const target: CommandLine['given'] = [['target', folder]]
  if (words.length === 0) return target
  const isMoving = action === 'restore' || action === 'save'
  return [...target, isMoving ? ['path', words] : ['cache_key', words[0]]]
}

// The places of all URLs; none when something is wrong with them.
function readUrls({ names, words, problems }: Found): UrlPlace[] {
  const endpoint = names.get('endpoint')
  const places: UrlPlace[] = []
  for (const url of words.filter((word) => isUrl(word))) {
    const place = readUrl(url, typeof endpoint === 'string' ? endpoint : undefined)
    if (typeof place === 'string') problems.push(place)
    else places.push(place)
  }
  const kinds = new Set(places.map(({ given }) => JSON.stringify(given)))
  if (kinds.size > 1) {
    problems.push('the URLs name different places: they must be of one container or share')
  }
  return problems.length > 0 ? [] : places
}

type Usage = { takes: string; fits: (areUrls: readonly boolean[]) => boolean }

function usageOf(action: Action, goesUp: boolean): Usage {
  const count = (areUrls: readonly boolean[]) => areUrls.filter(Boolean).length
  if (goesUp) {
    return {
      takes: 'files or folders and, as the last word, one URL',
      fits: (areUrls) => areUrls.length > 1 && areUrls.at(-1) === true && count(areUrls) === 1,
    }
  }
  if (action === 'download' || action === 'sync') {
    return {
      takes: 'URLs and, as the last word, the folder to write into',
      fits: (areUrls) =>
        areUrls.length > 1 && areUrls.at(-1) === false && count(areUrls) === areUrls.length - 1,
    }
  }
  if (isCacheAction(action)) {
    return {
      takes: 'one URL, the folder of the caches, and paths or a key',
      fits: (areUrls) => count(areUrls) === 1,
    }
  }
  if (action === 'verify') {
    return {
      takes: 'URLs and, if you like, a folder to compare with',
      fits: (areUrls) => count(areUrls) > 0 && areUrls.length - count(areUrls) <= 1,
    }
  }
  return {
    takes: 'URLs and no other words',
    fits: (areUrls) => areUrls.length > 0 && count(areUrls) === areUrls.length,
  }
}
