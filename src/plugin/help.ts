// The text of `--help`, made from the settings table.
import { type SettingRow, settingsTable } from './settings-table.ts'

/** What `--help` prints. */
export function helpText(version: string): string {
  const rows = Object.entries(settingsTable).flatMap(([name, row]) => describe(name, row))
  return [
    `azure-storage-drone plugin ${version}: a Drone step that moves files to and from Azure Blob`,
    'Storage with the build’s own identity; it needs no key, password or SAS.',
    '',
    '  kind: secret',
    '  name: azure',
    '  get: {path: azure, name: artifacts}',
    '  ---',
    '  steps:',
    '    - name: upload',
    '      image: azure-storage-drone',
    '      settings:',
    '        token: {from_secret: azure}',
    '        action: upload',
    '        account: contosobuilds',
    '        container: artifacts',
    '        source: dist',
    '        target: builds/${DRONE_BUILD_NUMBER}',
    '',
    'Settings (each arrives as the variable PLUGIN_<NAME>):',
    ...rows,
    '',
    'Exit codes: 0 done, 2 settings, 3 denied, 4 absent or conflict, 5 remote trouble (try again),',
    '6 damaged data, 70 defect.',
    '',
  ].join('\n')
}

function describe(name: string, row: SettingRow): string[] {
  const notes = [
    ...(row.required ? ['required'] : []),
    ...(row.values ? [row.values.join(' | ')] : []),
    ...(row.fallback === undefined ? [] : [`default: ${row.fallback}`]),
  ]
  const second = notes.length > 0 ? [`${' '.repeat(18)}[${notes.join('; ')}]`] : []
  return [`  ${name.padEnd(15)} ${row.help}`, ...second]
}
