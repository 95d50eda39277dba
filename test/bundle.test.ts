// What the plugin ships: these packages and no others, below a ceiling, in one file that starts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { cacheFileOf, loadStep } from '../bin/plugin-load.ts'
import { writeSettings } from '../src/plugin/settings-page.ts'
import { settingNames } from '../src/plugin/settings-table.ts'

// The cache is 74 kB of it that a step without one never compiles: its start is the same (measured, interleaved).
const ceilingBytes = 410 * 1024

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
  assert.deepEqual([...packages].toSorted(), ['ignore', 'mrmime', 'picomatch'])
})

test('the plugin’s bundle stays small', () => {
  const meta = JSON.parse(readFileSync('dist/plugin.meta.json', 'utf8')) as {
    outputs: Record<string, { bytes: number }>
  }
  const sizes = Object.entries(meta.outputs).map(([file, { bytes }]) => {
    assert.equal(statSync(file).size, bytes)
    return bytes
  })
  const sum = sizes.reduce((total, bytes) => total + bytes, 0)
  assert.ok(sum < ceilingBytes, `${sum} bytes`)
})

test('help and the reading of settings load neither the engine nor a client', () => {
  const meta = JSON.parse(readFileSync('dist/plugin.meta.json', 'utf8')) as {
    inputs: Record<string, { imports: { path: string; kind: string }[] }>
  }
  const loaded = (from: string, seen = new Set<string>()): Set<string> => {
    seen.add(from)
    for (const { path, kind } of meta.inputs[from]?.imports ?? []) {
      if (kind === 'import-statement' && !seen.has(path)) loaded(path, seen)
    }
    return seen
  }
  const ofHelp = [...loaded('bin/plugin.ts')]
  assert.ok(ofHelp.includes('src/plugin/help.ts'))
  assert.deepEqual(
    ofHelp.filter((path) =>
      /^src\/(transfer|http|azure\/entra)|^node:(net|tls|https?|crypto)/.test(path),
    ),
    [],
  )
  const ofStep = [...loaded('src/plugin/run.ts')]
  assert.ok(ofStep.includes('src/plugin/settings.ts'))
  assert.deepEqual(
    ofStep.filter((path) => path.startsWith('src/transfer/')),
    [],
  )
})

test('the plugin’s bundle stands alone', () => {
  const help = execFileSync(process.execPath, ['dist/plugin.mjs', '--help'], { env: {} }).toString()
  assert.match(help, /account/)
})

test('the plugin’s script starts from the code cache that was built with it', () => {
  const { script, step } = loadStep('dist')
  assert.equal(script.cachedDataRejected, false)
  assert.equal(typeof step.runStep, 'function')
})

test('the plugin’s script starts with the code cache of another Node, and with none', () => {
  for (const cache of ['made by another Node', undefined]) {
    // A folder for each: V8 remembers what it compiled under a name.
    const folder = mkdtempSync(join(tmpdir(), 'asd-bundle-'))
    try {
      copyFileSync('dist/plugin-step.cjs', join(folder, 'plugin-step.cjs'))
      if (cache !== undefined) writeFileSync(cacheFileOf(folder), cache)
      const { script, step } = loadStep(folder)
      assert.equal(script.cachedDataRejected, cache === undefined ? undefined : true)
      assert.equal(typeof step.runStep, 'function')
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
})

// oxfmt pads the cells of tables; the words are what counts.
const unpadded = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim()

test('docs/plugin.md says of the settings what their table says', () => {
  const page = readFileSync('docs/plugin.md', 'utf8')
  assert.equal(unpadded(page), unpadded(writeSettings(page)))
  for (const name of settingNames()) assert.ok(page.includes(`| \`${name}\` `), name)
})
