// From names as people write them to names of the table: aliases, misspellings, and static keys,
// which are refused.
import { findSetting, type SettingName, settingNames, settingsTable } from '../settings-table.ts'
import { suggest } from '../suggest.ts'
import { foreignSettings, staticKeySettings } from './foreign.ts'
import { isAbsent } from './reader.ts'

/** How a name is shown in problems, in its own way of writing. */
export type ShowName = (name: string) => string

/** Brings values under the names of the table; what has no place there is a problem. */
export function collectSettings(
  given: Iterable<readonly [name: string, raw: unknown]>,
  { show, problems }: { show: ShowName; problems: Set<string> },
): Map<SettingName, unknown> {
  const found = new Map<SettingName, unknown>()
  const writtenAs = new Map<SettingName, string>()
  for (const [name, raw] of given) {
    const setting = findSetting(name)
    if (setting === undefined) {
      problems.add(explainStranger(name, show))
      continue
    }
    if (isAbsent(raw)) continue
    const other = writtenAs.get(setting)
    if (other !== undefined) {
      problems.add(`${show(other)} and ${show(name)} are the same setting: give one of them`)
    }
    writtenAs.set(setting, name)
    found.set(setting, raw)
  }
  return found
}

/** Why a name that the table does not have is refused. */
export function explainStranger(name: string, show: ShowName): string {
  if (staticKeySettings.includes(name)) {
    return (
      `${show(name)} is a static key, and this plugin takes none: remove it and let the trust ` +
      `service vouch for the build (${show('token')}; docs/service.md says how it is set up)`
    )
  }
  if (Object.hasOwn(foreignSettings, name)) {
    return `${show(name)} is a setting of another plugin: ${foreignSettings[name]}`
  }
  const known = settingNames().flatMap((each) => [each, ...(settingsTable[each].aliases ?? [])])
  const meant = suggest(name.replaceAll('-', '_'), known)
  return `${show(name)} is unknown${meant ? ` (did you mean ${show(meant)}?)` : ''}`
}
