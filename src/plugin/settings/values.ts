// How the value of a setting is read: texts as Drone passes them on (lists joined by commas, maps as
// JSON; facts/drone.md §2.2) and what stands in the maps of `transfers` and `rules`, which is JSON.
import { parseDurationSeconds } from '../../core/time.ts'

/** Takes down why a value is refused, in words that follow the name of the setting. */
export type Refuse = (why: string) => undefined

/** A value and the glob of the files it is for. */
export type ForFiles<Value> = { match: string; value: Value }

/** The glob that matches every file. */
export const allFiles = '**'

/** A text; numbers and truth values are taken as they would be written. */
export function toText(raw: unknown, refuse: Refuse): string | undefined {
  if (typeof raw === 'string') return raw
  if (typeof raw === 'number' || typeof raw === 'boolean') return String(raw)
  return refuse('must be a text')
}

/** One of `values`, or of the other ways to write them. */
export function toChoice(
  raw: unknown,
  values: readonly string[],
  refuse: Refuse,
  synonyms: Readonly<Record<string, string>> = {},
): string | undefined {
  const text = toText(raw, refuse)
  if (text === undefined) return undefined
  const value = Object.hasOwn(synonyms, text) ? synonyms[text] : text
  if (value !== undefined && values.includes(value)) return value
  return refuse(`is ${quote(text)} and must be one of ${values.join(', ')}`)
}

/** `true` or `false`. */
export function toFlag(raw: unknown, refuse: Refuse): boolean | undefined {
  const synonyms = { yes: 'true', on: 'true', '1': 'true', no: 'false', off: 'false', '0': 'false' }
  const text = toChoice(raw, ['true', 'false'], refuse, synonyms)
  return text === undefined ? undefined : text === 'true'
}

/** A whole number within `range`. */
export function toCount(
  raw: unknown,
  [least, most]: readonly [number, number],
  refuse: Refuse,
): number | undefined {
  const text = toText(raw, refuse)
  if (text === undefined) return undefined
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const limits = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  return refuse(`is ${quote(text)} and must be a whole number ${limits}`)
}

/** Bytes: `128MB` (decimal), `64MiB` (binary), or a plain number. */
export function toSize(
  raw: unknown,
  [least, most]: readonly [number, number],
  refuse: Refuse,
): number | undefined {
  const text = toText(raw, refuse)
  if (text === undefined) return undefined
  const [, digits, unit = '', binary] =
    /^(\d{1,12}(?:\.\d{1,3})?) ?([kmgt]?)(i?)b?$/i.exec(text) ?? []
  const power = ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase())
  const value = Math.floor(Number(digits) * (binary ? 1024 : 1000) ** power)
  if (value >= least && value <= most) return value
  return refuse(
    `is ${quote(text)} and must be a size from ${showMebibytes(least)} to ${showMebibytes(most)}, such as 128MB`,
  )
}

/** Seconds: `90s`, `15m`, `1h`. */
export function toDuration(
  raw: unknown,
  [least, most]: readonly [number, number],
  refuse: Refuse,
): number | undefined {
  const text = toText(raw, refuse)
  if (text === undefined) return undefined
  const seconds = parseDurationSeconds(text)
  if (seconds !== undefined && seconds >= least && seconds <= most) return seconds
  return refuse(
    `is ${quote(text)} and must be a time from ${least} to ${most} seconds, such as 90s, 15m or 1h`,
  )
}

/** A list of texts: a list, JSON, or texts between commas (a comma inside braces belongs to its glob). */
export function toList(raw: unknown, refuse: Refuse): string[] | undefined {
  const value = toStructure(raw)
  if (Array.isArray(value)) {
    const texts = value.filter((each) => typeof each === 'string' || typeof each === 'number')
    if (texts.length === value.length) return texts.map(String)
    return refuse('must be a list of texts')
  }
  return typeof value === 'string' ? splitList(value) : refuse('must be a list of texts')
}

/** Texts between commas; a comma inside braces belongs to its glob. */
export function splitList(text: string): string[] {
  return text
    .split(/,(?![^{}]*\})/)
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

/** A list of maps. */
export function toMaps(raw: unknown, refuse: Refuse): Record<string, unknown>[] | undefined {
  const value = toStructure(raw)
  const list = Array.isArray(value) ? value : [value]
  const maps = list.filter((each) => isMap(each))
  return maps.length === list.length ? maps : refuse('must be a list of maps')
}

/** One text for all files, or a map from globs to texts; of a map the more particular glob comes first. */
export function toValues(raw: unknown, refuse: Refuse): ForFiles<string>[] | undefined {
  const value = toStructure(raw)
  if (typeof value === 'string') return [{ match: allFiles, value }]
  const entries = toEntries(value, refuse)
  const found: ForFiles<string>[] = []
  for (const [match, each] of entries ?? []) {
    const text = toText(each, () => refuse('must be a text, or a map from globs to texts'))
    if (text === undefined) return undefined
    found.push({ match, value: text })
  }
  return entries && found
}

/** A map of texts for all files, a map from globs to such maps, or `name=value` between commas. */
export function toPairs(
  raw: unknown,
  refuse: Refuse,
): ForFiles<Record<string, string>>[] | undefined {
  const value = toStructure(raw)
  if (typeof value === 'string') {
    const pairs = splitList(value).map((each) => /^([^=]+)=(.*)$/s.exec(each))
    if (pairs.includes(null)) return refuse('must be a map, or `name=value` between commas')
    const map = Object.fromEntries(pairs.map((each) => [each?.[1]?.trim() ?? '', each?.[2] ?? '']))
    return [{ match: allFiles, value: map }]
  }
  if (isMap(value) && Object.values(value).every((each) => !isMap(each))) {
    const map = toTexts(value, refuse)
    return map && [{ match: allFiles, value: map }]
  }
  const found: ForFiles<Record<string, string>>[] = []
  const entries = toEntries(value, refuse)
  for (const [match, each] of entries ?? []) {
    const map = isMap(each) ? toTexts(each, refuse) : refuse('mixes globs and names')
    if (map === undefined) return undefined
    found.push({ match, value: map })
  }
  return entries && found
}

/** Whether a value is a map. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text that is JSON of a list or a map as that; anything else as it is. */
export function toStructure(raw: unknown): unknown {
  if (typeof raw === 'number' || typeof raw === 'boolean') return String(raw)
  if (typeof raw !== 'string' || !/^\s*[[{]/.test(raw)) return raw
  try {
    return JSON.parse(raw)
  } catch {
    // A glob may begin with a bracket or a brace, too.
    return raw
  }
}

/** A value as it is shown in a problem: short, in quotes. */
export function quote(text: string): string {
  return `“${text.length > 80 ? `${text.slice(0, 80)}…` : text}”`
}

function toTexts(map: Record<string, unknown>, refuse: Refuse): Record<string, string> | undefined {
  const texts: Record<string, string> = {}
  for (const [name, each] of Object.entries(map)) {
    const text = toText(each, () => refuse(`has no text for ${quote(name)}`))
    if (text === undefined) return undefined
    texts[name] = text
  }
  return texts
}

// Drone sorts the keys of a map, so their order says nothing; that of a list of maps does.
function toEntries(value: unknown, refuse: Refuse): [string, unknown][] | undefined {
  const maps = Array.isArray(value) ? value : [value]
  const found: [string, unknown][] = []
  for (const map of maps) {
    if (!isMap(map)) return refuse('must be a text or a map')
    const entries = Object.entries(map).map(([glob, each]): [string, unknown] => [
      toGlob(glob, refuse),
      each,
    ])
    found.push(...entries.toSorted(([a], [b]) => compareGlobs(a, b)))
  }
  return found
}

/** Orders globs: the one with more letters that are no wildcards first. */
export function compareGlobs(a: string, b: string): number {
  const weigh = (glob: string) => glob.replaceAll(/[*?[\]{}()!|,]/g, '').length
  return weigh(b) - weigh(a) || (a < b ? -1 : 1)
}

// plugins/s3 takes regular expressions, plugins/s3-sync bare extensions, as keys.
function toGlob(key: string, refuse: Refuse): string {
  if (/\\[.dw/]|^\^|\$$/.test(key)) {
    refuse(`has the regular expression ${quote(key)}: write a glob, such as \`*.css\``)
  }
  return /^\.[\w.]+$/.test(key) ? `*${key}` : key
}

function showMebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)}MiB`
}
