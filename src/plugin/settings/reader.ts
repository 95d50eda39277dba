// Settings by name and type, with the table's fallbacks; every problem is taken down, none ends it.
import { type NameOf, type SettingName, settingsTable } from '../settings-table.ts'
import type { SettingRow } from './row.ts'
import {
  type ForFiles,
  isMap,
  type Refuse,
  toChoice,
  toCount,
  toDuration,
  toFlag,
  toList,
  toMaps,
  toPairs,
  toSize,
  toText,
  toValues,
} from './values.ts'

/** Values as they came, by the names of the table; absent and empty are the same. */
export type RawSettings = ReadonlyMap<SettingName, unknown>

/** What reading needs: how a setting is called where it was written, and where problems go. */
export type ReaderDeps = { label: (name: SettingName) => string; problems: Set<string> }

/** Reads one set of settings. */
export type Reader = {
  has: (name: SettingName) => boolean
  /** Takes down that something is wrong with a setting. */
  refuse: (name: SettingName, why: string) => undefined
  label: (name: SettingName) => string
  text: (name: NameOf<'text'>) => string | undefined
  /** The value as the table has it; only for choices with a fallback or that are required. */
  choice: <Value extends string>(name: NameOf<'choice'>, fallback: Value) => Value
  flag: (name: NameOf<'flag'>) => boolean
  count: (name: NameOf<'count'>) => number | undefined
  size: (name: NameOf<'size'>) => number
  duration: (name: NameOf<'duration'>) => number
  list: (name: NameOf<'list'>) => string[]
  values: (name: NameOf<'values'>) => ForFiles<string>[]
  pairs: (name: NameOf<'pairs'>) => ForFiles<Record<string, string>>[]
  maps: (name: NameOf<'maps'>) => Record<string, unknown>[]
  raw: (name: SettingName) => unknown
}

/** A reader over `own`; what is wrong counts as absent. */
export function createReader(own: RawSettings, { label, problems }: ReaderDeps): Reader {
  const refuse = (name: SettingName, why: string): undefined => {
    problems.add(`${label(name)} ${why}`)
  }
  const read = <Value>(
    name: SettingName,
    parse: (raw: unknown, row: SettingRow, refuse: Refuse) => Value | undefined,
  ): Value | undefined => {
    const row = settingsTable[name]
    const raw = own.get(name)
    if (raw === undefined && row.required) refuse(name, `is missing (${row.help})`)
    const value = raw === undefined ? undefined : parse(raw, row, (why) => refuse(name, why))
    // The table's own texts are known to be right (a test reads them all).
    return value ?? (row.fallback === undefined ? undefined : parse(row.fallback, row, ignore))
  }
  return {
    has: (name) => own.has(name),
    refuse,
    label,
    raw: (name) => own.get(name),
    text: (name) => read(name, (raw, _, no) => toText(raw, no)),
    choice: <Value extends string>(name: NameOf<'choice'>, fallback: Value) => {
      const parse = (raw: unknown, { values = [], synonyms }: SettingRow, no: Refuse) =>
        toChoice(raw, values, no, synonyms) as Value | undefined
      return read(name, parse) ?? fallback
    },
    flag: (name) => read(name, (raw, _, no) => toFlag(raw, no)) ?? false,
    count: (name) => read(name, (raw, row, no) => toCount(raw, rangeOf(row), no)),
    size: (name) => read(name, (raw, row, no) => toSize(raw, rangeOf(row), no)) ?? 0,
    duration: (name) => read(name, (raw, row, no) => toDuration(raw, rangeOf(row), no)) ?? 0,
    list: (name) => read(name, (raw, _, no) => toList(raw, no)) ?? [],
    values: (name) => read(name, (raw, _, no) => toValues(raw, no)) ?? [],
    pairs: (name) => read(name, (raw, _, no) => toPairs(raw, no)) ?? [],
    maps: (name) => read(name, (raw, _, no) => toMaps(raw, no)) ?? [],
  }
}

/** Whether a raw value says nothing, as an empty variable does. */
export function isAbsent(raw: unknown): boolean {
  return (
    raw === undefined ||
    raw === null ||
    raw === '' ||
    (Array.isArray(raw) && raw.length === 0) ||
    (isMap(raw) && Object.keys(raw).length === 0)
  )
}

function rangeOf({ range }: SettingRow): readonly [number, number] {
  return range ?? [0, Number.MAX_SAFE_INTEGER]
}

function ignore(): undefined {
  return undefined
}
