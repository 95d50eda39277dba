import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Entry, EntryKind } from '../tree/entry.ts'
import { encodeHeader, endOfArchive, paddingOf } from './tar-header.ts'
import { createTarReader } from './tar-read.ts'

type Item = { entry: Entry; content: Buffer }

function pack(items: readonly Item[]): Buffer {
  const parts = items.flatMap(({ entry, content }) => [
    encodeHeader(entry),
    content,
    Buffer.alloc(paddingOf(content.length)),
  ])
  return Buffer.concat([...parts, endOfArchive])
}

function unpack(archive: Buffer, cuts: readonly number[] = []): Item[] {
  const items: Item[] = []
  const reader = createTarReader({
    onEntry: (entry) => void items.push({ entry, content: Buffer.alloc(0) }),
    onContent: (bytes) => {
      const last = items.at(-1)
      assert.ok(last)
      last.content = Buffer.concat([last.content, bytes])
    },
    onEntryEnd: () => undefined,
  })
  let from = 0
  for (const to of [...cuts.toSorted((one, other) => one - other), archive.length]) {
    // A copy that is wiped afterwards: whoever kept a piece would be found out.
    const piece = Buffer.from(archive.subarray(from, to))
    reader.push(piece)
    piece.fill(0xee)
    from = to
  }
  reader.end()
  return items
}

const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
  .map((text) => text.replaceAll(/[/\0]/g, '_'))
  .filter((text) => text.isWellFormed())
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'))

const item = fc
  .record({
    root: fc.integer({ min: 0, max: 9999 }),
    path,
    kind: fc.constantFrom<EntryKind>('file', 'folder', 'symlink', 'hardlink'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    micros: fc.integer({ min: -(10 ** 15), max: 4 * 10 ** 15 }),
    target: path,
    content: fc.uint8Array({ maxLength: 1500 }),
  })
  .map(({ micros, target, content, ...rest }): Item => {
    const body = rest.kind === 'file' ? Buffer.from(content) : Buffer.alloc(0)
    const isLink = rest.kind === 'symlink' || rest.kind === 'hardlink'
    const entry = {
      ...rest,
      modifiedAtMs: micros / 1000,
      sizeBytes: body.length,
      target: isLink ? target : '',
    }
    return { entry, content: body }
  })

test('what was packed is unpacked the same, however its bytes arrive', () => {
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (items, cuts) => {
        const archive = pack(items)
        assert.deepEqual(
          unpack(
            archive,
            cuts.map((cut) => cut % (archive.length + 1)),
          ),
          items,
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('an archive that lost its end is never taken for whole', () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 4 }), fc.nat(), (items, some) => {
      const archive = pack(items)
      // The last block of zeros alone says nothing that the one before it did not.
      const length = some % (archive.length - endOfArchive.length / 2)
      assert.throws(() => unpack(archive.subarray(0, length)), { code: 'cache_archive_invalid' })
    }),
  )
})

test('a changed byte of a header is found', () => {
  const file = { root: 0, path: 'a', kind: 'file', mode: 0o644, sizeBytes: 0, target: '' } as const
  const archive = pack([{ entry: { ...file, modifiedAtMs: 1000 }, content: Buffer.alloc(0) }])
  fc.assert(
    fc.property(fc.nat({ max: 511 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const broken = Buffer.from(archive)
      broken[at] = (broken[at] ?? 0) ^ change
      assert.throws(() => unpack(broken), { code: /^cache_(archive_invalid|entry_refused)$/ })
    }),
  )
})

for (const { name, type } of [
  { name: 'a character device', type: '3' },
  { name: 'a block device', type: '4' },
  { name: 'a pipe', type: '6' },
  { name: 'a global header', type: 'g' },
  { name: 'a long name of GNU', type: 'L' },
  { name: 'a sparse file of GNU', type: 'S' },
]) {
  test(`${name} is refused by its name`, () => {
    const header = encodeHeader({
      root: 0,
      path: 'dev/thing',
      kind: 'file',
      mode: 0o644,
      modifiedAtMs: 0,
      sizeBytes: 0,
      target: '',
    })
    header.write(type, 156, 'latin1')
    resum(header)
    assert.throws(() => unpack(Buffer.concat([header, endOfArchive])), {
      code: 'cache_entry_refused',
      message: /"0\/dev\/thing"/,
    })
  })
}

for (const name of ['/etc/passwd', '../x', 'x', '', '00/x', '12345/x', 'C:\\x', '-1/x']) {
  test(`the name ${JSON.stringify(name)} belongs to no path of a step and is refused`, () => {
    const header = encodeHeader({
      root: 0,
      path: 'x',
      kind: 'file',
      mode: 0o644,
      modifiedAtMs: 0,
      sizeBytes: 0,
      target: '',
    })
    header.fill(0, 0, 100)
    header.write(name, 0)
    resum(header)
    assert.throws(() => unpack(Buffer.concat([header, endOfArchive])), {
      code: 'cache_entry_refused',
    })
  })
}

test('GNU tar reads what we write', () => {
  const content = Buffer.from('hello')
  const long = `${'long-name-'.repeat(15)}/é`
  const archive = pack([
    {
      entry: {
        root: 0,
        path: '',
        kind: 'folder',
        mode: 0o755,
        modifiedAtMs: 1_795_000_000_123.456,
        sizeBytes: 0,
        target: '',
      },
      content: Buffer.alloc(0),
    },
    {
      entry: {
        root: 0,
        path: long,
        kind: 'file',
        mode: 0o640,
        modifiedAtMs: 1_795_000_000_000,
        sizeBytes: 5,
        target: '',
      },
      content,
    },
  ])
  const listing = execFileSync('tar', ['-tvf', '-', '--full-time', '--quoting-style=literal'], {
    input: archive,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  })
  assert.match(listing, /^drwxr-xr-x 0\/0 +0 2026-11-18 11:06:40\.123456\d* 0\/$/m)
  assert.ok(listing.includes(`0/${long}`), listing)
  assert.match(listing, /^-rw-r----- 0\/0 +5 /m)
})

function resum(header: Buffer): void {
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}
