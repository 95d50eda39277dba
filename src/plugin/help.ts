// The texts of `--help`, made from the settings table.
import { type SettingName, settingsChapters, settingsTable } from './settings-table.ts'
import { isFlagSetting, toFlagName } from './settings/flags.ts'
import type { Action, SettingRow } from './settings/row.ts'
import { isMeant, toWay } from './settings/transfer.ts'

const exitCodes = [
  'Exit codes: 0 done, 2 settings, 3 denied, 4 absent or conflict, 5 remote trouble (try again),',
  '6 damaged data, 70 defect.',
]

/** How each command is written, and what it does. */
export const commandUsages: Readonly<Record<Action, readonly [usage: string, what: string]>> = {
  upload: ['upload SOURCE... URL', 'send files to a container or share'],
  download: ['download URL... FOLDER', 'fetch files from a container or share'],
  sync: ['sync SOURCE URL | URL FOLDER', 'make one side like the other, by content'],
  list: ['list URL...', 'show what is there'],
  remove: ['remove URL...', 'remove what is there'],
  link: ['link URL...', 'make read-only links that work for minutes'],
  verify: ['verify URL... [FOLDER]', 'compare what is there with its digests, or with a folder'],
  restore: ['cache restore URL', 'restore the best key of the build cache'],
  save: ['cache save URL', 'save paths under a key of the build cache'],
  keys: ['cache list|show URL', 'tell which keys there are'],
  clear: ['cache clear URL', 'remove keys'],
  prune: ['cache prune URL', 'remove keys that nobody uses, and what no key holds'],
}

/** What `plugin --help` prints. */
export function helpText(version: string): string {
  return [
    `azure-storage-drone plugin ${version}: a Drone step that moves files to and from Azure Blob`,
    'Storage and Azure Files with the build’s own identity; it needs no key, password or SAS.',
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
    ...describeChapters(
      () => true,
      (name) => name,
    ),
    '',
    ...exitCodes,
    '',
  ].join('\n')
}

/** What `azure-storage-drone <action> --help` prints. */
export function commandHelp(version: string, action: Action): string {
  const [usage, what] = commandUsages[action]
  const services = ['blob', 'files'] as const
  const ways = (['up', 'down'] as const).map((direction) => toWay(action, direction))
  const isMeantHere = (name: SettingName) =>
    isFlagSetting(name) &&
    ways.some((way) =>
      services.some((service) => isMeant(settingsTable[name], { action, way, service })),
    )
  return [
    `azure-storage-drone ${usage}`,
    '',
    `${version}: ${what}. URL is https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH or`,
    'https://ACCOUNT.file.core.windows.net/SHARE/PATH, or a place below --endpoint; globs go in quotes.',
    'The identity comes from the request token in AZURE_STORAGE_DRONE_TOKEN.',
    '',
    '  --json           one JSON document on standard output',
    '  --help',
    ...describeChapters(isMeantHere, toFlagName),
    '',
    ...exitCodes,
    '',
  ].join('\n')
}

function describeChapters(
  isShown: (name: SettingName) => boolean,
  toShown: (name: SettingName) => string,
): string[] {
  return settingsChapters.flatMap(({ title, names }) => {
    const rows = names
      .filter((name) => isShown(name))
      .flatMap((name) => describe(toShown(name), settingsTable[name]))
    return rows.length > 0 ? ['', `${title}:`, ...rows] : []
  })
}

function describe(name: string, row: SettingRow): string[] {
  const notes = noteRow(row)
  const second = notes.length > 0 ? [`${' '.repeat(22)}[${notes.join('; ')}]`] : []
  const help = wrap(row.help.replaceAll('`', ''), 78)
  return [
    ...help.map((line, index) => `  ${(index === 0 ? name : '').padEnd(19)} ${line}`),
    ...second,
  ]
}

function noteRow(row: SettingRow): string[] {
  const otherwise = row.fallback ?? row.otherwise?.replaceAll('`', '')
  return [
    ...(row.required ? ['required'] : []),
    ...(row.values ? [row.values.join(' | ')] : []),
    ...(otherwise === undefined
      ? []
      : [otherwise === 'required' ? otherwise : `default: ${otherwise}`]),
    ...(row.aliases ? [`also ${row.aliases.join(', ')}`] : []),
  ]
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
