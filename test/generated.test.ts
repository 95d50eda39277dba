// What `npm run generate` writes is up to date.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'

import { meaningOf } from '../site/reference/configuration-meanings.ts'
import { routes } from '../site/reference/routes.ts'
import { writeGenerated } from '../site/reference/write.ts'
import { knownCodes } from '../src/azure/storage-codes.ts'
import { faults } from '../src/core/fault.ts'
import { trustCases } from '../src/identity/trust-cases.fixture.ts'
import { adminPaths } from '../src/trust/admin-api.ts'

const root = `${process.cwd()}/`
const folder = mkdtempSync(join(tmpdir(), 'asd-generated-'))
after(() => rmSync(folder, { recursive: true, force: true }))

// As the generator leaves them: the formatter has the last word on tables.
const files = await writeGenerated(root)
cpSync('.oxfmtrc.json', join(folder, '.oxfmtrc.json'))
for (const [file, text] of Object.entries(files)) {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}
execFileSync(`${root}node_modules/.bin/oxfmt`, Object.keys(files), { cwd: folder, stdio: 'ignore' })

for (const file of Object.keys(files)) {
  test(`${file} is what the sources say`, () => {
    assert.equal(
      readFileSync(file, 'utf8'),
      readFileSync(join(folder, file), 'utf8'),
      'run `npm run generate`',
    )
  })
}

test('docs/trust-classes.md has a row for each case, at least 60', () => {
  const page = readFileSync('docs/trust-classes.md', 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| '))
  assert.equal(rows.length - 2, trustCases.length)
  assert.ok(trustCases.length >= 60)
})

test('every fault, every number of Entra and every code of storage is in the documentation', () => {
  const page = readFileSync('docs/reference/faults.md', 'utf8')
  for (const code of Object.keys(faults)) assert.ok(page.includes(`### \`${code}\``), code)
  const troubles = readFileSync('docs/troubleshooting.md', 'utf8')
  for (const code of knownCodes) assert.ok(troubles.includes(`\`${code}\``), code)
  assert.ok([...troubles.matchAll(/^\| AADSTS\d+/gm)].length >= 40)
})

test('every route that the sources serve is in the reference', () => {
  const known = routes.map(({ path }) => path)
  const served = globSync('src/issuer/*.ts')
    .filter((file) => !/\.(test|fixture)\.ts$/.test(file))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/app\.(?:get|post)\('([^']+)'/g)])
    .map((match) => match[1] ?? '')
  const missing = [...served, ...Object.values(adminPaths)].filter(
    (path) => path !== '*' && !known.includes(path),
  )
  assert.deepEqual(missing, [])
})

test('a key of the configuration without a meaning is found', () => {
  assert.equal(meaningOf('instances.main.scm')?.startsWith('Its source-code host'), true)
  assert.equal(meaningOf('instances.main.unheard_of'), undefined)
})
