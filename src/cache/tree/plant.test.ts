import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import * as fc from 'fast-check'

import type { Entry } from './entry.ts'
import { stagedNames } from './place.ts'
import { openPlanting, type PlantDeps } from './plant.ts'
import { walkTree } from './walk.ts'

const wide = { entries: 1e6, bytes: 1e12 }
const deps: PlantDeps = {
  owner: { host: 'here', pid: 1 },
  now: () => new Date(),
  isAlive: () => true,
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-plant-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function entry(path: string, more: Partial<Entry> = {}): Entry {
  const kind = more.kind ?? 'file'
  const mode = kind === 'folder' ? 0o755 : 0o644
  return {
    root: 0,
    path,
    kind,
    mode,
    modifiedAtMs: 1_795_000_000_123.5,
    sizeBytes: 0,
    target: '',
    ...more,
  }
}

function text(planting: ReturnType<typeof openPlanting>, path: string, content: string): void {
  const bytes = Buffer.from(content)
  const file = planting.file(entry(path, { sizeBytes: bytes.length }))
  file.write(bytes)
  file.close()
}

function shapeOf(root: string): unknown[] {
  return [...walkTree([root])].map(({ entry: seen, file }) => [
    seen,
    seen.kind === 'file' ? readFileSync(file, 'latin1') : '',
  ])
}

test('a tree of every kind of thing is planted as it was walked', (t) => {
  const folder = folderOf(t)
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  mkdirSync(join(from, 'empty'), { recursive: true })
  mkdirSync(join(from, 'closed'))
  writeFileSync(join(from, 'closed', 'file'), 'in a folder nobody may write in')
  writeFileSync(join(from, 'run.sh'), '#!/bin/sh\n', { mode: 0o750 })
  writeFileSync(join(from, 'holes'), Buffer.alloc(1_000_000))
  symlinkSync('nowhere/at/all', join(from, 'dangling'))
  symlinkSync('..', join(from, 'up'))
  writeFileSync(join(from, 'näme with \n and  '), '')
  utimesSync(join(from, 'run.sh'), 1_000_000_000.25, 1_000_000_000.25)
  chmodSync(join(from, 'closed'), 0o555)
  const planting = openPlanting(deps, [to], wide)
  for (const { entry: seen, file } of walkTree([from])) {
    if (seen.kind !== 'file') planting.add(seen)
    else {
      const staged = planting.file(seen)
      staged.write(readFileSync(file))
      staged.close()
    }
  }
  assert.ok(!existsSync(to), 'nothing is seen before the end')
  planting.commit()
  assert.deepEqual(shapeOf(to), shapeOf(from))
  assert.deepEqual(readdirSync(folder).toSorted(), ['from', 'to'])
  assert.ok(lstatSync(join(to, 'holes')).blocks < 100, 'zeros become a hole')
  for (const each of [from, to]) chmodSync(join(each, 'closed'), 0o755)
})

test('hard links stay one file', (t) => {
  const root = join(folderOf(t), 'root')
  const planting = openPlanting(deps, [root], wide)
  planting.add(entry('', { kind: 'folder' }))
  text(planting, 'one', 'x')
  planting.add(entry('two', { kind: 'hardlink', target: 'one' }))
  planting.commit()
  assert.equal(lstatSync(join(root, 'one')).ino, lstatSync(join(root, 'two')).ino)
  const kinds = [...walkTree([root])].map(({ entry: { path, kind, target } }) => [
    path,
    kind,
    target,
  ])
  assert.deepEqual(kinds, [
    ['', 'folder', ''],
    ['one', 'file', ''],
    ['two', 'hardlink', 'one'],
  ])
})

const folder = (path: string) => entry(path, { kind: 'folder' })
const link = (path: string, target: string) => entry(path, { kind: 'symlink', target })
const hard = (path: string, target: string) => entry(path, { kind: 'hardlink', target })
const attacks: { name: string; entries: Entry[]; bounds?: typeof wide }[] = [
  { name: 'an absolute name', entries: [folder(''), entry('/etc/x')] },
  { name: 'a name with ..', entries: [folder(''), entry('../x')] },
  { name: 'a name with .. inside', entries: [folder(''), folder('a'), entry('a/../../x')] },
  { name: 'a name with .', entries: [folder(''), entry('./x')] },
  { name: 'a name with an empty part', entries: [folder(''), folder('a'), entry('a//x')] },
  { name: 'a name with NUL', entries: [folder(''), entry('a\0b')] },
  { name: 'a name that is no UTF-8', entries: [folder(''), entry('a\ud800')] },
  { name: 'a segment that is too long', entries: [folder(''), entry('x'.repeat(256))] },
  { name: 'a file through a link', entries: [folder(''), link('a', '/tmp'), entry('a/x')] },
  { name: 'a link where a folder is', entries: [folder(''), folder('a'), link('a', '/tmp')] },
  { name: 'a folder that is a file', entries: [folder(''), entry('a'), entry('a/x')] },
  { name: 'a folder nobody told of', entries: [folder(''), entry('a/x')] },
  { name: 'no root', entries: [entry('x')] },
  { name: 'another root', entries: [folder(''), entry('x', { root: 1 })] },
  { name: 'a negative root', entries: [entry('', { root: -1, kind: 'folder' })] },
  { name: 'the same file twice', entries: [folder(''), entry('a'), entry('a')] },
  { name: 'a hard link out', entries: [folder(''), hard('a', '../../etc/passwd')] },
  {
    name: 'a hard link to a link',
    entries: [folder(''), link('a', '/etc/passwd'), hard('b', 'a')],
  },
  { name: 'a hard link to a folder', entries: [folder(''), folder('a'), hard('b', 'a')] },
  { name: 'a hard link to what comes later', entries: [folder(''), hard('a', 'b')] },
  { name: 'a link to nothing', entries: [folder(''), link('a', '')] },
  {
    name: 'too many entries',
    entries: [folder(''), entry('a'), entry('b')],
    bounds: { entries: 2, bytes: 9 },
  },
  {
    name: 'too many bytes',
    entries: [folder(''), entry('a', { sizeBytes: 10 })],
    bounds: { entries: 9, bytes: 9 },
  },
  { name: 'a negative length', entries: [folder(''), entry('a', { sizeBytes: -1 })] },
]
for (const { name, entries, bounds = wide } of attacks) {
  test(`${name} is refused, and nothing is written`, (t) => {
    const outer = folderOf(t)
    const root = join(outer, 'root')
    mkdirSync(root)
    writeFileSync(join(root, 'mine'), 'mine')
    const before = shapeOf(outer)
    const planting = openPlanting(deps, [root], bounds)
    const last = entries.at(-1)
    for (const each of entries.slice(0, -1)) planting.add(each)
    assert.throws(() => planting.add(last ?? entry('')), { code: 'cache_entry_refused' })
    planting.discard()
    assert.deepEqual(withoutTimes(shapeOf(outer)), withoutTimes(before))
  })
}

function withoutTimes(shape: unknown[]): string {
  return JSON.stringify(shape).replaceAll(/"modifiedAtMs":[\d.]+/g, '')
}

for (const [name, size, content] of [
  ['longer', 2, 'abc'],
  ['shorter', 4, 'abc'],
] as const) {
  test(`content that is ${name} than its entry says is refused`, (t) => {
    const root = join(folderOf(t), 'root')
    const planting = openPlanting(deps, [root], wide)
    planting.add(folder(''))
    assert.throws(
      () => {
        const file = planting.file(entry('a', { sizeBytes: size }))
        file.write(Buffer.from(content))
        file.close()
      },
      { code: 'cache_entry_refused', message: /"a"/ },
    )
    planting.discard()
    assert.deepEqual(readdirSync(dirname(root)), [])
  })
}

test('what lies there and is not of the cache stays, and a link there is replaced and not followed', (t) => {
  const outer = folderOf(t)
  const [root, elsewhere] = [join(outer, 'root'), join(outer, 'elsewhere')]
  mkdirSync(join(root, 'kept'), { recursive: true })
  mkdirSync(elsewhere)
  writeFileSync(join(root, 'kept', 'mine'), 'mine')
  writeFileSync(join(root, 'file'), 'old')
  symlinkSync(elsewhere, join(root, 'trap'))
  symlinkSync(join(elsewhere, 'victim'), join(root, 'trapped-file'))
  const planting = openPlanting(deps, [root], wide)
  planting.add(folder(''))
  planting.add(folder('kept'))
  text(planting, 'kept/new', 'new')
  text(planting, 'file', 'new')
  planting.add(folder('trap'))
  text(planting, 'trap/x', 'x')
  text(planting, 'trapped-file', 'x')
  planting.commit()
  assert.deepEqual(readdirSync(elsewhere), [])
  assert.equal(readFileSync(join(root, 'kept', 'mine'), 'utf8'), 'mine')
  assert.equal(readFileSync(join(root, 'kept', 'new'), 'utf8'), 'new')
  assert.equal(readFileSync(join(root, 'file'), 'utf8'), 'new')
  assert.ok(lstatSync(join(root, 'trap')).isDirectory())
  assert.ok(lstatSync(join(root, 'trapped-file')).isFile())
  assert.deepEqual(readdirSync(root).toSorted(), ['file', 'kept', 'trap', 'trapped-file'])
})

test('a restore that was killed while it replaced files is undone by the next one', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 12 }), (lines) => {
      const root = join(folderOf(t), 'root')
      mkdirSync(join(root, 'a'), { recursive: true })
      for (const name of ['a/1', 'a/2', 'b']) writeFileSync(join(root, name), 'old')
      const before = withoutTimes(shapeOf(root))
      const dead = killAfter(root, lines)
      const next = openPlanting({ ...deps, isAlive: () => false }, [root], wide)
      next.discard()
      assert.equal(withoutTimes(shapeOf(root)), before, dead)
      assert.deepEqual(readdirSync(root).toSorted(), ['a', 'b'])
    }),
    { numRuns: 30 },
  )
})

// Does by hand what a commit does until it is killed: so many moves, and the next one only written down.
function killAfter(root: string, moves: number): string {
  const planting = openPlanting(deps, [root], wide)
  planting.add(folder(''))
  planting.add(folder('a'))
  for (const name of ['a/1', 'a/2', 'a/3', 'b', 'c']) text(planting, name, 'new')
  const [staging = ''] = readdirSync(root).filter((name) => name.startsWith('.azure'))
  const at = join(root, staging)
  mkdirSync(join(at, stagedNames.old))
  const steps = ['a/1', 'a/2', 'a/3', 'b', 'c'].flatMap((name, index) => {
    const [staged, there, old] = [
      join(at, stagedNames.tree, name),
      join(root, name),
      join(at, stagedNames.old, String(index)),
    ]
    return [...(existsSync(there) ? [{ from: there, to: old }] : []), { from: staged, to: there }]
  })
  let journal = ''
  for (const [index, { from, to }] of steps.entries()) {
    if (index > moves) break
    journal += `${JSON.stringify({ from, to })}\n`
    if (index < moves) renameByHand(from, to)
  }
  writeFileSync(join(at, stagedNames.journal), `${journal}{"from":"half a li`)
  return journal
}

function renameByHand(from: string, to: string): void {
  writeFileSync(to, readFileSync(from))
  rmSync(from)
}

test('what another restore that still goes on has made is left alone', (t) => {
  const root = join(folderOf(t), 'root')
  mkdirSync(root)
  const one = openPlanting(deps, [root], wide)
  one.add(folder(''))
  text(one, 'a', 'one')
  const other = openPlanting(deps, [root], wide)
  other.add(folder(''))
  text(other, 'b', 'other')
  other.commit()
  one.commit()
  assert.deepEqual(readdirSync(root).toSorted(), ['a', 'b'])
})
