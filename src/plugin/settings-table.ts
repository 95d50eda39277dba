// Every setting of the step, once: parsing, `--help`, the command line and the documentation read
// this table.
import { cacheRows } from './settings/cache-rows.ts'
import { fileRows } from './settings/file-rows.ts'
import { placeRows } from './settings/place-rows.ts'
import { propertyRows } from './settings/property-rows.ts'
import type { SettingRow, SettingType } from './settings/row.ts'
import { stepRows } from './settings/step-rows.ts'

const table = { ...placeRows, ...fileRows, ...propertyRows, ...cacheRows, ...stepRows }

/** The name of a setting. */
export type SettingName = keyof typeof table

/** The names of settings of one type. */
export type NameOf<Type extends SettingType> = {
  [Name in SettingName]: (typeof table)[Name]['type'] extends Type ? Name : never
}[SettingName]

/** All settings in the order people read them. */
export const settingsTable: Readonly<Record<SettingName, SettingRow>> = table

/** The same in chapters. */
export const settingsChapters: readonly { title: string; names: readonly SettingName[] }[] = [
  { title: 'What and where', names: namesOf(placeRows) },
  { title: 'Which files, under which names', names: namesOf(fileRows) },
  { title: 'What is kept beside them', names: namesOf(propertyRows) },
  { title: 'The build cache', names: namesOf(cacheRows) },
  { title: 'The step as a whole', names: namesOf(stepRows) },
]

/** Whether a text is the name of a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(table, name)
}

/** The setting a name stands for, its own or one that other plugins use. */
export function findSetting(name: string): SettingName | undefined {
  if (isSettingName(name)) return name
  return settingNames().find((each) => settingsTable[each].aliases?.includes(name))
}

/** Every name, in the order people read them. */
export function settingNames(): SettingName[] {
  return settingsChapters.flatMap(({ names }) => names)
}

/** The variable that holds a setting. */
export function variableOf(name: string): string {
  return `PLUGIN_${name.toUpperCase()}`
}

function namesOf<Name extends SettingName>(rows: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(rows).filter((name): name is Name => Object.hasOwn(rows, name))
}
