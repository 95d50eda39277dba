// The container of a backup: one header line, then frames of AES-256-GCM under a key that scrypt derives
// from a passphrase (RFC 7914). Frames are numbered and the last is marked, as in STREAM (eprint 2015/189),
// so that none can be changed, moved, added or cut off. Inside is zstd.
import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scryptSync,
  timingSafeEqual,
} from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'

import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'

const format = 'azure-storage-drone backup'
const derivation = 'scrypt N=65536 r=8 p=1, AES-256-GCM, frames of 65536, zstd'
const scryptCost = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 }
const frameBytes = 65_536
const tagBytes = 16
const longestHeader = 1024

/** Shortest passphrase a backup is written with, in bytes. */
export const shortestPassphraseBytes = 16

type Header = { format: string; v: 1; how: string; salt: string; check: string }
type Bytes = AsyncIterable<Uint8Array>

/** Seals lines of text into an archive and hands its bytes to `write`. */
export async function sealArchive(
  passphrase: Secret,
  lines: AsyncIterable<string>,
  write: (bytes: Bytes) => Promise<void>,
): Promise<void> {
  const salt = randomBytes(16)
  const { key, check } = derive(passphrase, salt)
  const header: Header = { format, v: 1, how: derivation, salt: salt.toString('base64'), check }
  const headerBytes = Buffer.from(`${JSON.stringify(header)}\n`)
  await pipeline(
    lines,
    createZstdCompress(),
    async function* (source: Bytes) {
      yield headerBytes
      for await (const { bytes, nonce } of frame(source, frameBytes)) {
        const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
        cipher.setAAD(headerBytes)
        yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
      }
    },
    write,
  )
}

/** Opens an archive and hands its lines to `read`; throws backup_locked or backup_invalid. */
export async function openArchive(
  passphrase: Secret,
  archive: Bytes,
  read: (lines: AsyncIterable<string>) => Promise<void>,
): Promise<void> {
  try {
    await pipeline(
      archive,
      (source: Bytes) => openFrames(passphrase, source),
      createZstdDecompress(),
      (source: Bytes) => read(splitLines(source)),
    )
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw invalid(messageOf(cause), cause)
  }
}

/** The fault of a backup that cannot be used. */
export function invalid(why: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', `The backup cannot be used: ${why}.`, { cause })
}

function derive(passphrase: Secret, salt: Buffer): { key: Buffer; check: string } {
  const bytes = scryptSync(passphrase.reveal(), salt, 48, scryptCost)
  return { key: bytes.subarray(0, 32), check: bytes.subarray(32).toString('base64') }
}

async function* openFrames(passphrase: Secret, source: Bytes): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]()
  const { headerBytes, rest } = await readHeader(iterator)
  const key = keyOf(passphrase, headerBytes)
  const body = async function* () {
    yield rest
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      yield next.value
    }
  }
  for await (const { bytes, nonce, number } of frame(body(), frameBytes + tagBytes)) {
    const end = bytes.length - tagBytes
    if (end < 0) throw invalid('it was cut short')
    const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(headerBytes)
    cipher.setAuthTag(bytes.subarray(end))
    try {
      yield Buffer.concat([cipher.update(bytes.subarray(0, end)), cipher.final()])
    } catch (cause) {
      throw invalid(`it was changed or cut short at frame ${number}`, cause)
    }
  }
}

async function readHeader(
  iterator: AsyncIterator<Uint8Array>,
): Promise<{ headerBytes: Buffer; rest: Buffer }> {
  let read = Buffer.alloc(0)
  while (!read.includes('\n') && read.length < longestHeader) {
    const next = await iterator.next()
    if (next.done) break
    read = Buffer.concat([read, next.value])
  }
  const end = read.indexOf('\n') + 1
  if (end === 0) throw invalid('it does not begin like a backup')
  return { headerBytes: read.subarray(0, end), rest: read.subarray(end) }
}

function keyOf(passphrase: Secret, headerBytes: Buffer): Buffer {
  const header = parseHeader(headerBytes.toString())
  if (header?.format !== format) throw invalid('it does not begin like a backup')
  if (header.v !== 1 || header.how !== derivation) {
    throw invalid('it was written by a newer release, or its header was changed')
  }
  const { key, check } = derive(passphrase, Buffer.from(String(header.salt), 'base64'))
  const [ours, theirs] = [check, String(header.check)].map((text) => Buffer.from(text))
  if (ours && theirs && ours.length === theirs.length && timingSafeEqual(ours, theirs)) return key
  throw new Fault(
    'backup_locked',
    'The backup does not open: it was written with another passphrase, or its header was changed.',
  )
}

function parseHeader(text: string): Partial<Header> | undefined {
  try {
    const header: unknown = JSON.parse(text)
    return typeof header === 'object' && header !== null ? header : undefined
  } catch {
    return undefined
  }
}

type Frame = { bytes: Buffer; nonce: Buffer; number: number }

// Cuts into frames of one size. Which is the last is known when the next does not come, and stands in its
// nonce; a number is used once, because every archive has a key of its own.
async function* frame(source: Bytes, size: number): AsyncGenerator<Frame> {
  let pending = Buffer.alloc(0)
  let number = 0
  const next = (bytes: Buffer, isLast: boolean): Frame => {
    const nonce = Buffer.alloc(12)
    nonce.writeUIntBE(number, 4, 6)
    nonce.writeUInt8(isLast ? 1 : 0, 11)
    number += 1
    return { bytes, nonce, number }
  }
  for await (const bytes of source) {
    pending = Buffer.concat([pending, bytes])
    while (pending.length > size) {
      yield next(pending.subarray(0, size), false)
      pending = pending.subarray(size)
    }
  }
  yield next(pending, true)
}

async function* splitLines(source: Bytes): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let parts: string[] = []
  for await (const bytes of source) {
    const [first = '', ...others] = decoder.decode(bytes, { stream: true }).split('\n')
    parts.push(first)
    for (const other of others) {
      yield parts.join('')
      parts = [other]
    }
  }
  if (parts.join('') !== '') throw invalid('its last line has no end')
}
