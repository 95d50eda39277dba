// CRC-64/NVME, the checksum of `x-ms-content-crc64`: over bytes as they come, and over the sums of
// parts as if they had been one. The wire form is base64 of the eight bytes, little-endian.
import { multiply, powerOfBytes } from './crc64-field.ts'
import { createKernel, type Crc64Kernel } from './crc64-kernel.ts'
import { dataAt, pieceBytes } from './crc64-layout.ts'

/** A sum in progress; any number of them may be. */
export type Crc64 = {
  update: (bytes: Uint8Array) => void
  /** The sum of everything so far; more may follow. */
  digest: () => string
}

/** Starts a sum. */
export function createCrc64(): Crc64 {
  // The running value is kept inverted, as the algorithm has it.
  const state = Buffer.alloc(8, 0xff)
  return {
    update: (bytes) => run(state, bytes),
    digest: () => invert(state).toString('base64'),
  }
}

/** The sum of these bytes. */
export function crc64Of(bytes: Uint8Array): string {
  const state = Buffer.alloc(8, 0xff)
  run(state, bytes)
  return invert(state).toString('base64')
}

/** The sum of two contents one after the other, from their sums and the length of the second. */
export function combineCrc64(first: string, second: string, secondBytes: number): string {
  return join(first, second, powerOfBytes(secondBytes))
}

/** The sum of all parts one after the other; of none, that of the empty content. */
export function combineAll(parts: readonly { crc64: string; sizeBytes: number }[]): string {
  let sum = emptyCrc64
  let known = { sizeBytes: 0, power: powerOfBytes(0) }
  for (const { crc64, sizeBytes } of parts) {
    // All parts but the last are of one length.
    if (sizeBytes !== known.sizeBytes) known = { sizeBytes, power: powerOfBytes(sizeBytes) }
    sum = join(sum, crc64, known.power)
  }
  return sum
}

/** The sum of nothing. */
export const emptyCrc64 = 'AAAAAAAAAAA='

const kernelOnce = lazily<Crc64Kernel>(createKernel)

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

// Nothing of a sum stays in the kernel between two calls, so one kernel serves all of them.
function run(state: Buffer, bytes: Uint8Array): void {
  const kernel = kernelOnce()
  kernel.memory.set(state, 0)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.length <= pieceBytes ? bytes : bytes.subarray(at, at + pieceBytes)
    kernel.memory.set(piece, dataAt)
    kernel.run(piece.length)
  }
  kernel.memory.copy(state, 0, 0, 8)
}

function invert(state: Buffer): Buffer {
  return Buffer.from(state.map((byte) => byte ^ 0xff))
}

function join(first: string, second: string, power: { high: number; low: number }): string {
  const moved = multiply(power, parse(first))
  const added = parse(second)
  const sum = Buffer.allocUnsafe(8)
  sum.writeUInt32LE((moved.low ^ added.low) >>> 0, 0)
  sum.writeUInt32LE((moved.high ^ added.high) >>> 0, 4)
  return sum.toString('base64')
}

function parse(crc64: string): { high: number; low: number } {
  const bytes = Buffer.from(crc64, 'base64')
  if (bytes.length !== 8) throw new RangeError(`“${crc64}” is not a CRC-64 in base64`)
  return { high: bytes.readUInt32LE(4), low: bytes.readUInt32LE(0) }
}
