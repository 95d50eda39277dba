import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { openArchive, sealArchive } from './backup-archive.ts'

const passphrase = new Secret('a passphrase of some length')

async function seal(lines: readonly string[]): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  const source = async function* () {
    yield* lines.map((line) => `${line}\n`)
  }
  await sealArchive(passphrase, source(), async (bytes) => {
    for await (const chunk of bytes) chunks.push(chunk)
  })
  return Buffer.concat(chunks)
}

async function open(archive: Buffer, secret = passphrase, pieceBytes = 10_007): Promise<string[]> {
  const lines: string[] = []
  const source = async function* () {
    for (let at = 0; at < archive.length; at += pieceBytes) {
      yield archive.subarray(at, at + pieceBytes)
    }
  }
  await openArchive(secret, source(), async (read) => {
    for await (const line of read) lines.push(line)
  })
  return lines
}

// Random text does not get smaller, so that there are several frames.
const text = (bytes: number) => randomBytes(bytes).toString('base64')
const lines = ['{"a":"é €"}', text(150_000), '', 'ü'.repeat(70_000), text(10)]
const frameBytes = 65_536 + 16

test('backup archive › gives back its lines, however they come in', async () => {
  for (const each of [[], ['one'], lines]) {
    const archive = await seal(each)
    assert.deepEqual(await open(archive), each)
    assert.deepEqual(await open(archive, passphrase, 977), each)
  }
})

test('backup archive › shows nothing of what is in it, nor twice the same', async () => {
  const [one, other] = [await seal(['a canary']), await seal(['a canary'])]
  assert.ok(!one.includes('canary'))
  assert.notDeepEqual(one.subarray(-30), other.subarray(-30))
})

test('backup archive › does not open with another passphrase', async () => {
  const archive = await seal(['one'])
  await assert.rejects(open(archive, new Secret('a passphrase of other words')), {
    code: 'backup_locked',
    exitCode: 3,
  })
})

const whole = await seal(lines)
const begin = whole.indexOf('\n') + 1
const frameAt = (number: number) =>
  whole.subarray(begin + number * frameBytes).subarray(0, frameBytes)
const rest = (number: number) => whole.subarray(begin + number * frameBytes)
const flip = (at: number) => {
  const copy = Buffer.from(whole)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
const header = whole.subarray(0, begin)

const damages: { name: string; archive: Buffer; code?: string }[] = [
  { name: 'nothing', archive: Buffer.alloc(0) },
  { name: 'something else', archive: Buffer.from('PK\n'.repeat(999)) },
  { name: 'one long line', archive: Buffer.alloc(5000, 'x') },
  { name: 'a header that is no JSON', archive: flip(0) },
  { name: 'the header alone', archive: header },
  {
    name: 'a flipped bit in the salt',
    archive: flip(whole.indexOf('"salt"') + 12),
    code: 'backup_locked',
  },
  { name: 'a flipped bit in the first frame', archive: flip(begin + 5) },
  { name: 'a flipped bit in the middle', archive: flip(begin + frameBytes + 99) },
  { name: 'a flipped bit in the last tag', archive: flip(whole.length - 1) },
  { name: 'a byte more', archive: Buffer.concat([whole, Buffer.from('x')]) },
  { name: 'a byte less', archive: whole.subarray(0, -1) },
  { name: 'its end cut off between two frames', archive: whole.subarray(0, begin + frameBytes) },
  {
    name: 'two frames changed over',
    archive: Buffer.concat([header, frameAt(1), frameAt(0), rest(2)]),
  },
  { name: 'a frame twice', archive: Buffer.concat([header, frameAt(0), rest(0)]) },
  { name: 'a frame left out', archive: Buffer.concat([header, rest(1)]) },
]

for (const { name, archive, code = 'backup_invalid' } of damages) {
  test(`backup archive › with ${name} is refused`, async () => {
    assert.ok(whole.length > begin + 2 * frameBytes)
    await assert.rejects(open(archive), { code })
  })
}
