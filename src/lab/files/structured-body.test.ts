import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { StorageRefusal } from '../storage-errors.ts'
import { crc64Of, unpackStructured } from './structured-body.ts'

// The definition, bit by bit.
function slowCrc64(bytes: Buffer): string {
  let crc = 0xffff_ffff_ffff_ffffn
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1n ? (crc >> 1n) ^ 0x9a6c_9329_ac4b_c9b5n : crc >> 1n
    }
  }
  return (crc ^ 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0')
}

const shown = (bytes: Buffer): string => Buffer.from(crc64Of(bytes).toReversed()).toString('hex')

describe('the sum of a structured body', () => {
  test('is the published one of “123456789”', () => {
    assert.equal(shown(Buffer.from('123456789')), 'ae8b14860a799888')
  })

  test('follows its definition at every length', () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 37 + length) & 0xff))
      assert.equal(shown(bytes), slowCrc64(bytes))
    }
  })
})

describe('a structured body', () => {
  // Two segments, as a client sends content above 4 MiB; put together by hand.
  const segments = [Buffer.from('hello '), Buffer.from('world')]
  const content = Buffer.concat(segments)
  const front = (number: number, segment: Buffer): Buffer => {
    const header = Buffer.alloc(10)
    header.writeUInt16LE(number, 0)
    header.writeBigUInt64LE(BigInt(segment.length), 2)
    return header
  }
  const pack = (): Buffer => {
    const pieces = segments.flatMap((segment, at) => [
      front(at + 1, segment),
      segment,
      crc64Of(segment),
    ])
    const header = Buffer.alloc(13)
    const body = Buffer.concat([header, ...pieces, crc64Of(content)])
    body.writeUInt8(1, 0)
    body.writeBigUInt64LE(BigInt(body.length), 1)
    body.writeUInt16LE(1, 9)
    body.writeUInt16LE(segments.length, 11)
    return body
  }

  test('gives the content of all its segments', () => {
    assert.equal(unpackStructured(pack(), content.length).toString(), 'hello world')
  })

  test('is refused with any byte of it changed, cut or of another length', () => {
    const isRefusal = (error: unknown) => error instanceof StorageRefusal && error.status === 400
    for (let at = 0; at < pack().length; at++) {
      const damaged = pack()
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
      assert.throws(() => unpackStructured(damaged, content.length), isRefusal, `byte ${at}`)
      assert.throws(() => unpackStructured(pack().subarray(0, at), content.length), isRefusal)
    }
    assert.throws(() => unpackStructured(pack(), content.length - 1), isRefusal)
  })
})
