// A remote place in memory for tests of the engine: it checks every sum and condition it is sent,
// shows a content only when it is whole, uses its read buffer again as a transport does, and
// misbehaves on request.
import { createHash } from 'node:crypto'

import { Fault, type FaultCode } from '../core/fault.ts'
import type { Body } from '../http/http.ts'
import { crc64Of } from './crc64/crc64.ts'
import type {
  Condition,
  Digests,
  Part,
  PartWriter,
  ReadOptions,
  Remote,
  RemoteFile,
  Write,
  Written,
} from './remote.ts'

/** One operation, as `spoil` and the log see it. */
export type Operation = { op: string; name: string; index: number }

/** A remote place and what tests do to it. */
export type FakeRemote = Remote & {
  files: Map<string, RemoteFile & { content: Buffer }>
  /** `putWhole a/b`, `putPart big 3`, …, in order. */
  log: string[]
  /** Waited for before every operation; what it throws is what the operation comes to. */
  spoil: (operation: Operation) => Promise<void> | undefined
  /** Writes only with this sum; undefined means without one. */
  requires: 'crc64' | 'md5' | undefined
  /** Operations going on now, and the most there were at once. */
  busy: { now: number; most: number }
  /** Parts that were sent and not committed, by name and part. */
  staged: Map<string, Map<string, Buffer>>
  /** Puts a file there, as another program would. */
  place: (name: string, content: Buffer | string, more?: Partial<RemoteFile>) => RemoteFile
}

/** How a fake remote differs from the usual. */
export type FakeOptions = { wholeBytes?: number; partBytes?: number; pageLength?: number }

const noProperties = { contentType: 'application/octet-stream', metadata: {}, tags: {} }

/** Base64 MD5. */
export function md5Of(content: Buffer): string {
  return createHash('md5').update(content).digest('base64')
}

/** An empty remote place; contents longer than `wholeBytes` must come in parts of `partBytes`. */
export function createFakeRemote({
  wholeBytes = 8 * 1024 * 1024,
  partBytes = 8 * 1024 * 1024,
  pageLength = 3,
}: FakeOptions = {}): FakeRemote {
  const fake: FakeRemote = {
    kind: 'blob',
    shown: 'https://fake.blob.core.windows.net/ccc',
    wholeBytes,
    files: new Map(),
    log: [],
    spoil: () => undefined,
    requires: 'crc64',
    busy: { now: 0, most: 0 },
    staged: new Map(),
    place: (name, content, more = {}) => {
      store(fake, name, Buffer.from(content), {
        properties: noProperties,
        attributes: {},
        digests: {},
        condition: { kind: 'none' },
      })
      const file = { ...get(fake, name), ...more }
      fake.files.set(name, file)
      return file
    },
    foldName: (name) => name,
    assertName: (name) => {
      if (name.includes('\\'))
        throw new Fault('transfer_name_invalid', `“${name}” has a backslash.`)
    },
    stat: (name) =>
      perform(fake, { op: 'stat', name, index: 0 }, () => {
        const file = fake.files.get(name)
        return file && toState(file)
      }),
    list: (prefix) => list(fake, prefix, pageLength),
    putWhole: (name, body, write) =>
      perform(fake, { op: 'putWhole', name, index: 0 }, () => {
        if (body.length > wholeBytes) throw refuse('azure_storage_refused', `${name} is too long`)
        checkSums(fake, body, write.digests, name)
        return store(fake, name, Buffer.from(body), write)
      }),
    openParts: (name, source, write) =>
      perform(fake, { op: 'openParts', name, index: 0 }, () => {
        if (source.sizeBytes <= wholeBytes) throw new Error(`${name} needs no parts`)
        checkCondition(fake, name, write.condition)
        return openWriter(fake, name, source.sizeBytes, partBytes)
      }),
    read: (name, options) => readRange(fake, name, options),
    setProperties: (name, write) =>
      perform(fake, { op: 'setProperties', name, index: 0 }, () =>
        store(fake, name, get(fake, name).content, write),
      ),
    putFolder: (name, write) =>
      perform(fake, { op: 'putFolder', name, index: 0 }, () => {
        store(fake, name, Buffer.alloc(0), write)
        get(fake, name).kind = 'folder'
      }),
    remove: ({ name }, condition) =>
      perform(fake, { op: 'remove', name, index: 0 }, () => {
        if (!fake.files.has(name)) return false
        checkCondition(fake, name, condition)
        return fake.files.delete(name)
      }),
  }
  return fake
}

async function perform<T>(
  fake: FakeRemote,
  operation: Operation,
  work: () => T | Promise<T>,
): Promise<T> {
  const { op, name, index } = operation
  fake.log.push(op === 'putPart' || op === 'read' ? `${op} ${name} ${index}` : `${op} ${name}`)
  fake.busy.now += 1
  fake.busy.most = Math.max(fake.busy.most, fake.busy.now)
  try {
    // An answer never comes in the turn of its question.
    await new Promise((resolve) => setImmediate(resolve))
    await fake.spoil(operation)
    return await work()
  } finally {
    fake.busy.now -= 1
  }
}

function get(fake: FakeRemote, name: string) {
  const file = fake.files.get(name)
  if (!file) throw refuse('transfer_blob_absent', `“${name}” is gone`)
  return file
}

function store(fake: FakeRemote, name: string, content: Buffer, write: Write): Written {
  checkCondition(fake, name, write.condition)
  const etag = `"e${fake.log.length}-${fake.files.size}-${content.length}"`
  fake.files.set(name, {
    name,
    kind: write.attributes.linkTarget === undefined ? 'file' : 'link',
    sizeBytes: content.length,
    etag,
    modifiedAtMs: Date.UTC(2026, 0, 1),
    digests: write.digests,
    properties: write.properties,
    attributes: write.attributes,
    content,
  })
  return { etag }
}

function checkCondition(fake: FakeRemote, name: string, condition: Condition): void {
  const file = fake.files.get(name)
  if (condition.kind === 'absent' && file) {
    throw refuse('transfer_target_exists', `“${name}” exists already`)
  }
  if (condition.kind === 'match' && file?.etag !== condition.etag) {
    throw refuse('transfer_blob_changed', `“${name}” is another version`)
  }
}

function checkSums(fake: FakeRemote, content: Buffer, { crc64, md5 }: Digests, what: string): void {
  const isWrong =
    (crc64 !== undefined && crc64 !== crc64Of(content)) ||
    (md5 !== undefined && md5 !== md5Of(content)) ||
    (fake.requires === 'crc64') !== (crc64 !== undefined) ||
    (fake.requires === 'md5') !== (md5 !== undefined)
  if (isWrong) throw refuse('transfer_checksum_mismatch', `the sum of ${what} is wrong or missing`)
}

function openWriter(
  fake: FakeRemote,
  name: string,
  sizeBytes: number,
  partBytes: number,
): PartWriter {
  const staged = fake.staged.get(name) ?? new Map<string, Buffer>()
  fake.staged.set(name, staged)
  const keyOf = ({ index, sizeBytes: length, digests }: Part) =>
    `${index} ${length} ${digests.crc64 ?? digests.md5 ?? ''}`
  return {
    partBytes,
    holds: (part) => staged.has(keyOf(part)),
    put: (part, body) =>
      perform(fake, { op: 'putPart', name, index: part.index }, async () => {
        const content = Buffer.isBuffer(body) ? Buffer.from(body) : await readBody(body)
        if (content.length !== part.sizeBytes)
          throw new Error(`part ${part.index} has a wrong length`)
        checkSums(fake, content, part.digests, `part ${part.index} of ${name}`)
        staged.set(keyOf(part), content)
      }),
    commit: (parts, write) =>
      perform(fake, { op: 'commit', name, index: 0 }, () => {
        const pieces = parts.map((part) => staged.get(keyOf(part)) ?? missing(part))
        const content = Buffer.concat(pieces)
        if (content.length !== sizeBytes) throw new Error(`${name} is not whole`)
        checkSums(fake, content, write.digests, name)
        fake.staged.delete(name)
        return store(fake, name, content, write)
      }),
  }
}

function missing(part: Part): never {
  throw refuse('azure_storage_refused', `part ${part.index} was never sent`)
}

async function readBody(body: Body): Promise<Buffer> {
  const piece = Buffer.alloc(100_000)
  const pieces: Buffer[] = []
  for (let at = 0; at < body.sizeBytes; at += piece.length) {
    const wanted = piece.subarray(0, Math.min(piece.length, body.sizeBytes - at))
    await body.readInto(wanted, at)
    pieces.push(Buffer.from(wanted))
  }
  return Buffer.concat(pieces)
}

function readRange(fake: FakeRemote, name: string, options: ReadOptions): Promise<RemoteFile> {
  const { from, to, etag, onPiece } = options
  return perform(fake, { op: 'read', name, index: from }, async () => {
    const file = get(fake, name)
    if (etag !== undefined) checkCondition(fake, name, { kind: 'match', etag })
    const wanted = file.content.subarray(from, to + 1)
    const piece = Buffer.alloc(70_000)
    for (let at = 0; at < wanted.length; at += piece.length) {
      const length = wanted.copy(piece, 0, at)
      await onPiece(piece.subarray(0, length), from + at)
      // A transport reads the next bytes into the same memory.
      piece.fill(0xee)
    }
    return toState(file)
  })
}

async function* list(
  fake: FakeRemote,
  prefix: string,
  pageLength: number,
): AsyncGenerator<RemoteFile[]> {
  const all = [...fake.files.values()].filter(({ name }) => name.startsWith(prefix))
  for (let at = 0; at < Math.max(all.length, 1); at += pageLength) {
    yield await perform(fake, { op: 'list', name: prefix, index: at }, () =>
      all.slice(at, at + pageLength).map((file) => toState(file)),
    )
  }
}

function toState(stored: RemoteFile & { content: Buffer }): RemoteFile {
  const { name, kind, sizeBytes, etag, modifiedAtMs, digests, properties, attributes } = stored
  return { name, kind, sizeBytes, etag, modifiedAtMs, digests, properties, attributes }
}

function refuse(code: FaultCode, what: string): Fault {
  return new Fault(code, `The fake says: ${what}.`)
}
