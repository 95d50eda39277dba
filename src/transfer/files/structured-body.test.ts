import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { unpackStructured } from '../../lab/files/structured-body.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { packStructured, structuredHeaders } from './structured-body.ts'

describe('a structured body', () => {
  it('has the form that was recorded from a client of the service', () => {
    const packed = packStructured(Buffer.alloc(1024), crc64Of(Buffer.alloc(1024)))
    assert.ok(Buffer.isBuffer(packed))
    assert.equal(packed.length, 1063)
    const front = '0127040000000000000100010001000004000000000000'
    assert.equal(packed.subarray(0, 23).toString('hex'), front)
    assert.equal(structuredHeaders(1024)['x-ms-structured-content-length'], '1024')
  })

  it('gives its content back, in pieces of any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.integer({ min: 1, max: 500 }),
        async (bytes, pieceBytes) => {
          const content = Buffer.from(bytes)
          const body = {
            sizeBytes: content.length,
            readInto: async (buffer: Buffer, offset: number) => {
              assert.ok(buffer.length > 0 && offset + buffer.length <= content.length)
              content.copy(buffer, 0, offset)
            },
          }
          const packed = packStructured(body, crc64Of(content))
          assert.ok(!Buffer.isBuffer(packed))
          const whole = Buffer.alloc(packed.sizeBytes)
          for (let at = 0; at < whole.length; at += pieceBytes) {
            await packed.readInto(whole.subarray(at, at + pieceBytes), at)
          }
          assert.ok(unpackStructured(whole, content.length).equals(content))
          const copied = packStructured(content, crc64Of(content))
          assert.ok(Buffer.isBuffer(copied) && copied.equals(whole))
        },
      ),
    )
  })
})
