// Unpacks a structured body, `XSM/1.0; properties=crc64`: a header, segments with a CRC-64/NVME behind
// each, and the checksum of all behind the last. The CRC is computed here from its definition, so that the clients' own arithmetic has an independent judge.
import { filesRefusal } from './errors.ts'

/** The one form of structured body there is. */
export const structuredForm = 'XSM/1.0; properties=crc64'

const headerBytes = 13
const segmentHeaderBytes = 10
const crcBytes = 8

/** The content inside of a structured body; refuses what is malformed or does not match its CRCs. */
export function unpackStructured(body: Buffer, contentLength: number): Buffer {
  if (body.length < headerBytes || body[0] !== 1) throw malformed()
  const segments = body.readUInt16LE(11)
  const isWhole = body.readBigUInt64LE(1) === BigInt(body.length) && body.readUInt16LE(9) === 1
  if (!isWhole) throw malformed()
  const contents: Buffer[] = []
  let at = headerBytes
  for (let number = 1; number <= segments; number++) {
    if (at + segmentHeaderBytes > body.length || body.readUInt16LE(at) !== number) throw malformed()
    const length = Number(body.readBigUInt64LE(at + 2))
    at += segmentHeaderBytes
    if (at + length + crcBytes > body.length) throw malformed()
    const content = body.subarray(at, at + length)
    at += length
    assertCrc(content, body.subarray(at, at + crcBytes))
    at += crcBytes
    contents.push(content)
  }
  const content = contents.length === 1 ? (contents[0] ?? body) : Buffer.concat(contents)
  if (at + crcBytes !== body.length || content.length !== contentLength) throw malformed()
  const whole = body.subarray(at)
  // Of one segment the sum was taken already.
  const isKnown = contents.length === 1 && whole.equals(body.subarray(at - crcBytes, at))
  if (!isKnown) assertCrc(content, whole)
  return content
}

/** CRC-64/NVME of the bytes as its eight bytes on the wire, least significant first. */
export function crc64Of(bytes: Buffer): Buffer {
  const { high, low } = tables
  let [h, l] = [0xffffffff, 0xffffffff]
  let at = 0
  // Eight bytes a turn, each by the table for its distance to the end of the turn.
  for (const end = bytes.length - 7; at < end; at += 8) {
    l ^= bytes.readInt32LE(at)
    h ^= bytes.readInt32LE(at + 4)
    let [nextHigh, nextLow] = [0, 0]
    for (let place = 0; place < 8; place++) {
      const word = place < 4 ? l : h
      const index = ((7 - place) << 8) | ((word >>> ((place & 3) << 3)) & 0xff)
      nextHigh ^= high[index] ?? 0
      nextLow ^= low[index] ?? 0
    }
    h = nextHigh
    l = nextLow
  }
  for (; at < bytes.length; at++) {
    const index = (l ^ (bytes[at] ?? 0)) & 0xff
    l = ((l >>> 8) | (h << 24)) ^ (low[index] ?? 0)
    h = (h >>> 8) ^ (high[index] ?? 0)
  }
  const crc = Buffer.alloc(crcBytes)
  crc.writeUInt32LE(~l >>> 0, 0)
  crc.writeUInt32LE(~h >>> 0, 4)
  return crc
}

function assertCrc(content: Buffer, expected: Buffer): void {
  if (!crc64Of(content).equals(expected)) throw filesRefusal('Crc64Mismatch')
}

function malformed() {
  return filesRefusal('InvalidInput')
}

const tables = makeTables()

// Entry `256 · n + b`: what the byte `b` does to the sum when n zero bytes follow it.
function makeTables(): { high: Int32Array; low: Int32Array } {
  const [high, low] = [new Int32Array(8 * 256), new Int32Array(8 * 256)]
  for (let byte = 0; byte < 256; byte++) {
    let [h, l] = [0, byte]
    for (let bit = 0; bit < 64; bit++) {
      const mask = -(l & 1)
      l = ((l >>> 1) | (h << 31)) ^ (0xac4bc9b5 & mask)
      h = (h >>> 1) ^ (0x9a6c9329 & mask)
      if (bit % 8 !== 7) continue
      high[((bit >> 3) << 8) | byte] = h
      low[((bit >> 3) << 8) | byte] = l
    }
  }
  return { high, low }
}
