// The house rules of ARCHITECTURE.md as an ordinary test: who may import whom, what stays pure, file
// sizes, and a sentence on every export.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

// Room → rooms (or single files of rooms) it may look into; the order is that of ARCHITECTURE.md.
const mayImport: Record<string, readonly string[]> = {
  core: [],
  ci: ['core'],
  identity: ['core', 'ci/build.ts'],
  policy: ['core', 'ci/build.ts', 'identity'],
  keys: ['core'],
  config: ['core', 'ci/build.ts', 'policy/glob.ts', 'keys/settings.ts'],
  store: ['core'],
  audit: ['core', 'ci/build.ts', 'keys/place.ts', 'keys/seal.ts', 'store'],
  trail: ['core', 'ci/build.ts', 'store', 'audit', 'http/http.ts'],
  trust: [
    'core',
    'ci/build.ts',
    'identity',
    'policy',
    'azure/clouds.ts',
    'azure/retry.ts',
    'http/http.ts',
  ],
  issuer: [
    'core',
    'ci',
    'identity',
    'policy',
    'config',
    'keys',
    'store',
    'audit',
    'trust/admin-api.ts',
    'trust/subjects.ts',
    'azure/clouds.ts',
  ],
  dashboard: [
    'core',
    'ci/build.ts',
    'identity',
    'policy',
    'store',
    'audit',
    'trail',
    'trust/admin-api.ts',
  ],
  http: ['core'],
  azure: ['core', 'http'],
  transfer: ['core', 'http', 'azure'],
  cache: ['core', 'http', 'azure', 'transfer'],
  plugin: ['core', 'http', 'azure', 'transfer', 'cache'],
  diagnose: [
    'core',
    'policy/grant.ts',
    'trust/admin-api.ts',
    'http',
    'azure',
    'transfer',
    'plugin',
  ],
  handoff: ['core', 'azure', 'plugin'],
  lab: ['core', 'ci/drone/signature.ts'],
  demo: ['core', 'store', 'audit', 'lab'],
}

// No clock, no randomness, no I/O: the same input gives the same answer for ever.
const pureRooms = ['core', 'identity', 'policy']
const impure =
  /\bDate\.now\(|\bnew Date\(\)|Math\.random\(|crypto\.random|performance\.now|from 'node:(fs|net|http|https|child_process|timers)/

const sources = globSync('src/**/*.ts').filter((file) => !file.endsWith('.test.ts'))
const everything = globSync('{src,bin,test,bench}/**/*.ts')

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map((match) => match[1] ?? '')
}

function roomOf(file: string): string {
  return file.split('/')[1] ?? ''
}

test('every room has a row in the table', () => {
  const rooms = new Set(sources.map((file) => roomOf(file)))
  assert.deepEqual(
    [...rooms].filter((room) => mayImport[room] === undefined),
    [],
  )
})

test('every import goes to a room that this room may look into', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => target.startsWith('.'))
      .map((target) => normalize(join(dirname(file), target)))
      .filter((target) => {
        const [room, allowed] = [roomOf(target), mayImport[roomOf(file)] ?? []]
        const path = target.slice('src/'.length)
        return room !== roomOf(file) && !allowed.includes(room) && !allowed.includes(path)
      })
      .map((target) => `${file} imports ${target}`),
  )
  assert.deepEqual(wrong, [])
})

test('core, identity and policy are pure', () => {
  const wrong = sources
    .filter((file) => pureRooms.includes(roomOf(file)))
    .filter((file) => impure.test(readFileSync(file, 'utf8')))
  assert.deepEqual(wrong, [])
})

test('only the doors read the environment, the arguments, and exit', () => {
  const wrong = sources.filter((file) =>
    /process\.(env|argv|exit\(|exitCode)/.test(readFileSync(file, 'utf8')),
  )
  assert.deepEqual(wrong, [])
})

test('every export says in a comment what it is for', () => {
  const wrong = sources.flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.flatMap((line, index) => {
      const isExport = /^export (async )?(function|const|class|type|interface)\b/.test(line)
      return isExport && !lines[index - 1]?.trimEnd().endsWith('*/') ? [`${file}:${index + 1}`] : []
    })
  })
  assert.deepEqual(wrong, [])
})

test('every file begins with a comment on what it is', () => {
  const wrong = [...sources, ...globSync('bin/*.ts')].filter((file) => {
    const [first = '', second = ''] = readFileSync(file, 'utf8').split('\n')
    return !(first.startsWith('#!') ? second : first).startsWith('//')
  })
  assert.deepEqual(wrong, [])
})

test('no file is longer than 300 lines', () => {
  const wrong = everything.filter((file) => readFileSync(file, 'utf8').split('\n').length > 301)
  assert.deepEqual(wrong, [])
})

test('zod is imported as a namespace, which keeps bundles small', () => {
  const wrong = sources.filter((file) =>
    /import (?!\* as z|type)[^\n]* from 'zod'/.test(readFileSync(file, 'utf8')),
  )
  assert.deepEqual(wrong, [])
})

test('ARCHITECTURE.md has a row for every room, in the order of the table', () => {
  const text = readFileSync('ARCHITECTURE.md', 'utf8')
  const rows = [...text.matchAll(/^\| `src\/([a-z]+)`/gm)].map((match) => match[1])
  assert.deepEqual(rows, Object.keys(mayImport))
})

test('the tests run on the Node that npm ci brought', () => {
  assert.match(process.version, /^v24\./)
})
