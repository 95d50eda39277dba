// A content packed with its CRC-64/NVME, the form in which Azure Files checks that sum: a structured
// body, `XSM/1.0; properties=crc64` (facts/transfer.md §6). Put Range and Create File know no
// `x-ms-content-crc64`; recorded sessions of the service show this form accepted and refused.
import type { Body } from '../../http/http.ts'

const headerBytes = 13
const segmentHeaderBytes = 10
const crcBytes = 8
const frontBytes = headerBytes + segmentHeaderBytes
// Up to here one write with the body copied beats two.
const copiedBytes = 256 * 1024

/** The headers that announce a packed content of so many bytes. */
export function structuredHeaders(sizeBytes: number): Record<string, string> {
  return {
    'x-ms-structured-body': 'XSM/1.0; properties=crc64',
    'x-ms-structured-content-length': String(sizeBytes),
  }
}

/** Packs a content of at most 4 MiB, one segment, with its checksum. */
export function packStructured(body: Buffer | Body, crc64: string): Buffer | Body {
  const sizeBytes = Buffer.isBuffer(body) ? body.length : body.sizeBytes
  const totalBytes = frontBytes + sizeBytes + 2 * crcBytes
  const front = Buffer.alloc(frontBytes)
  front.writeUInt8(1, 0)
  front.writeBigUInt64LE(BigInt(totalBytes), 1)
  front.writeUInt16LE(1, 9)
  front.writeUInt16LE(1, 11)
  front.writeUInt16LE(1, headerBytes)
  front.writeBigUInt64LE(BigInt(sizeBytes), headerBytes + 2)
  const crc = Buffer.from(crc64, 'base64')
  // Of the one segment, and of the whole.
  const back = Buffer.concat([crc, crc])
  if (Buffer.isBuffer(body) && body.length <= copiedBytes) return Buffer.concat([front, body, back])
  const readContent = Buffer.isBuffer(body) ? readerOf(body) : body.readInto
  return {
    sizeBytes: totalBytes,
    async readInto(buffer, offset) {
      const end = offset + buffer.length
      front.copy(buffer, 0, Math.min(offset, frontBytes))
      const contentFrom = Math.max(offset, frontBytes)
      const contentTo = Math.min(end, frontBytes + sizeBytes)
      if (contentFrom < contentTo) {
        const part = buffer.subarray(contentFrom - offset, contentTo - offset)
        await readContent(part, contentFrom - frontBytes)
      }
      const backFrom = Math.max(offset, frontBytes + sizeBytes)
      if (backFrom < end) back.copy(buffer, backFrom - offset, backFrom - frontBytes - sizeBytes)
    },
  }
}

function readerOf(content: Buffer): Body['readInto'] {
  return (buffer, offset) => {
    content.copy(buffer, 0, offset)
    return Promise.resolve()
  }
}
