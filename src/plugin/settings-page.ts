// The chapter on settings in docs/plugin.md, made from the table.
import { settingsChapters, settingsTable } from './settings-table.ts'
import type { SettingRow, SettingType } from './settings/row.ts'

/** What stands before and behind the generated part of docs/plugin.md. */
export const settingsMarks = [
  '<!-- settings: written by bin/generate.ts -->',
  '<!-- end of settings -->',
] as const

const typeWords: Readonly<Record<SettingType, string>> = {
  text: 'text',
  count: 'number',
  size: 'size',
  duration: 'time',
  flag: 'flag',
  choice: 'one of',
  list: 'list',
  values: 'text or map',
  pairs: 'map',
  compress: 'list or map',
  maps: 'list of maps',
}

/** A page with the part between the marks written anew. */
export function writeSettings(page: string): string {
  const [before = '', rest = ''] = page.split(settingsMarks[0], 2)
  const [, after = ''] = rest.split(settingsMarks[1], 2)
  return `${before}${settingsMarks[0]}\n\n${writeTables()}\n${settingsMarks[1]}${after}`
}

function writeTables(): string {
  return settingsChapters
    .map(({ title, names }) => {
      const rows = names.map((name) => writeRow(name, settingsTable[name]))
      const head = '| setting | meaning | form | default |\n| --- | --- | --- | --- |'
      return `### ${title}\n\n${head}\n${rows.join('\n')}\n`
    })
    .join('\n')
}

function writeRow(name: string, row: SettingRow): string {
  const also = row.aliases?.map((alias) => `\`${alias}\``).join(', ')
  const values = row.values?.map((value) => `\`${value}\``).join(', ')
  const form = values === undefined ? typeWords[row.type] : `one of ${values}`
  const otherwise = row.fallback === undefined ? (row.otherwise ?? '') : `\`${row.fallback}\``
  const meaning = `${row.help}${also === undefined ? '' : ` (also ${also})`}`
  const fallback = row.required ? 'required' : otherwise
  return `| \`${name}\` | ${escape(meaning)} | ${escape(form)} | ${escape(fallback)} |`
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|')
}
