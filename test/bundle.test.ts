// What the plugin ships: these packages and no others, below a ceiling, in one file that starts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'

import { settingsTable } from '../src/plugin/settings-table.ts'

const ceilingBytes = 160 * 1024

test('the plugin’s bundle holds only the packages that docs/dependencies.md names for it', () => {
  const meta = JSON.parse(readFileSync('dist/plugin.meta.json', 'utf8')) as {
    inputs: Record<string, unknown>
  }
  const packages = new Set(
    Object.keys(meta.inputs).flatMap((path) => {
      const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? []
      return name === undefined ? [] : [name]
    }),
  )
  assert.deepEqual([...packages].toSorted(), ['mrmime', 'picomatch'])
})

test('the plugin’s bundle stays small', () => {
  assert.ok(statSync('dist/plugin.mjs').size < ceilingBytes)
})

test('the plugin’s bundle stands alone', () => {
  const help = execFileSync(process.execPath, ['dist/plugin.mjs', '--help'], { env: {} }).toString()
  assert.match(help, /account/)
})

test('docs/plugin.md has a row for every setting, and no other', () => {
  const [, section = ''] = readFileSync('docs/plugin.md', 'utf8').split('## Settings')
  const [table = ''] = section.split('\n## ')
  const rows = [...table.matchAll(/^\| `([a-z_]+)`/gm)].map((match) => match[1])
  assert.deepEqual(rows, Object.keys(settingsTable))
})
