// A container as the cache sees it, over a remote place of the transfer room: Blob Storage or Azure Files.
// Every write carries the CRC-64/NVME of its bytes, and every call takes a slot of the wire.
import { Fault, type FaultCode } from '../core/fault.ts'
import { combineAll, crc64Of } from '../transfer/crc64/crc64.ts'
import type { Slots } from '../transfer/move/slots.ts'
import type { Condition, Part, PartWriter, Remote, RemoteFile, Write } from '../transfer/remote.ts'
import type { CacheStore, Item, Range, WriteCondition } from './store.ts'

/** What a store is opened over. */
export type StoreDeps = { remote: Remote; slots: Slots }

// Parts of one content that wait for their answers, beside the one that is being filled.
const partsUnderWay = 6
// A content has 50,000 parts at most, and nobody knows how long it will be: parts grow with their number.
const growEvery = 10_000

/** The store below `folder`, which is empty or ends in a slash; nothing is sent. */
export function openCacheStore(deps: StoreDeps, folder: string): CacheStore {
  const { remote } = deps
  const at = (name: string) => folder + name
  return {
    shown: folder === '' ? remote.shown : `${remote.shown}/${folder.replace(/\/$/, '')}`,
    list: (prefix) => list(deps, folder, prefix),
    find: (name) => find(deps, at(name), name),
    readWhole: async (name, maxBytes) => {
      const item = await find(deps, at(name), name)
      if (!item) return undefined
      if (item.sizeBytes > maxBytes) {
        const sentence = `“${name}” has ${item.sizeBytes} bytes, and ${maxBytes} is the most it may have.`
        throw new Fault('cache_archive_invalid', sentence)
      }
      // Of the version that was found; who writes it again in between is asked again.
      const { sizeBytes, etag } = item
      const bytes = await readRange(deps, at(name), { from: 0, sizeBytes, etag })
      return bytes && { item, bytes }
    },
    readRange: (name, range) => readRange(deps, at(name), range),
    writeWhole: (name, bytes, condition) => writeWhole(deps, at(name), bytes, condition),
    writeStream: (name, pieces, mostBytes, condition) =>
      writeStream(deps, at(name), { pieces, mostBytes, condition }),
    remove: (name, etag) => remove(deps, at(name), etag),
  }
}

async function* list(
  { remote }: StoreDeps,
  folder: string,
  prefix: string,
): AsyncGenerator<Item[]> {
  for await (const page of remote.list(folder + prefix)) {
    const items = page
      .filter(({ kind }) => kind === 'file')
      .map((file) => toItem(file.name.slice(folder.length), file))
    if (items.length > 0) yield items
  }
}

async function find({ remote, slots }: StoreDeps, path: string, name: string) {
  const release = await slots.take(0)
  try {
    const file = await remote.stat(path)
    return file?.kind === 'file' ? toItem(name, file) : undefined
  } finally {
    release()
  }
}

async function readRange(
  { remote, slots }: StoreDeps,
  path: string,
  { from, sizeBytes, etag }: Range,
): Promise<Buffer | undefined> {
  if (sizeBytes === 0) return Buffer.alloc(0)
  const release = await slots.take(sizeBytes)
  try {
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    let end = 0
    await remote.read(path, {
      from,
      to: from + sizeBytes - 1,
      ...(etag !== undefined && { etag }),
      onPiece: (piece, offset) => {
        end = offset - from + piece.length
        piece.copy(bytes, offset - from)
        return undefined
      },
    })
    return bytes.subarray(0, end)
  } catch (error) {
    if (isOneOf(error, ['transfer_blob_absent', 'transfer_blob_changed'])) return undefined
    throw error
  } finally {
    release()
  }
}

async function writeWhole(
  { remote, slots }: StoreDeps,
  path: string,
  bytes: Buffer,
  condition: WriteCondition,
): Promise<boolean> {
  const release = await slots.take(bytes.length)
  try {
    await remote.putWhole(path, bytes, toWrite(condition, crc64Of(bytes)))
    return true
  } catch (error) {
    return unlessClash(error)
  } finally {
    release()
  }
}

type Stream = { pieces: AsyncIterable<Buffer>; mostBytes: number; condition: WriteCondition }

// What fits into one request needs no parts.
async function writeStream(
  deps: StoreDeps,
  path: string,
  { pieces, mostBytes, condition }: Stream,
): Promise<boolean> {
  const sending = createSending(deps, path, mostBytes)
  try {
    for await (const part of cutParts(pieces, deps.remote.wholeBytes)) {
      if (part.isLast && sending.isEmpty()) {
        return await writeWhole(deps, path, part.bytes, condition)
      }
      await sending.add(part.bytes)
    }
    const { writer, parts } = await sending.end()
    const crc64 = combineAll(
      parts.map(({ digests, sizeBytes }) => ({ crc64: digests.crc64 ?? '', sizeBytes })),
    )
    await writer.commit(parts, toWrite(condition, crc64))
    return true
  } catch (error) {
    await sending.settle()
    return unlessClash(error)
  }
}

type Sending = {
  isEmpty: () => boolean
  /** Sends a part as soon as there is room for it. */
  add: (bytes: Buffer) => Promise<void>
  /** Waits for all parts; throws what the first of them failed with. */
  end: () => Promise<{ writer: PartWriter; parts: readonly Part[] }>
  settle: () => Promise<void>
}

function createSending({ remote, slots }: StoreDeps, path: string, sizeBytes: number): Sending {
  const underWay = new Set<Promise<void>>()
  const parts: Part[] = []
  const failures: unknown[] = []
  let writer: PartWriter | undefined
  const open = async () => {
    writer ??= await remote.openParts(path, { sizeBytes, sourceId: path }, toWrite('always', ''))
    return writer
  }
  const settle = async () => {
    await Promise.all(underWay)
  }
  return {
    isEmpty: () => parts.length === 0,
    add: async (bytes) => {
      const into = await open()
      while (underWay.size >= partsUnderWay) await Promise.race(underWay)
      if (failures.length > 0) throw failures[0]
      const offset = parts.reduce((sum, part) => sum + part.sizeBytes, 0)
      const digests = { crc64: crc64Of(bytes) }
      const part = { index: parts.length, offset, sizeBytes: bytes.length, digests }
      parts.push(part)
      const release = await slots.take(bytes.length)
      const sent = into
        .put(part, bytes)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          release()
          underWay.delete(sent)
        })
      underWay.add(sent)
    },
    end: async () => {
      await settle()
      if (failures.length > 0) throw failures[0]
      return { writer: await open(), parts }
    },
    settle,
  }
}

// A content that is empty is one empty part.
async function* cutParts(
  pieces: AsyncIterable<Buffer>,
  leastBytes: number,
): AsyncGenerator<{ bytes: Buffer; isLast: boolean }> {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let count = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    waitingBytes += piece.length
    for (;;) {
      const partBytes = leastBytes * (1 + Math.floor(count / growEvery))
      if (waitingBytes <= partBytes) break
      count += 1
      const all = Buffer.concat(waiting)
      yield { bytes: all.subarray(0, partBytes), isLast: false }
      waiting = [all.subarray(partBytes)]
      waitingBytes -= partBytes
    }
  }
  yield { bytes: Buffer.concat(waiting), isLast: true }
}

async function remove(
  { remote, slots }: StoreDeps,
  path: string,
  etag: string | undefined,
): Promise<boolean> {
  const release = await slots.take(0)
  try {
    const condition = toCondition(etag === undefined ? 'always' : { etag })
    return await remote.remove({ name: path, kind: 'file' }, condition)
  } catch (error) {
    return unlessClash(error)
  } finally {
    release()
  }
}

function toItem(name: string, { sizeBytes, etag, modifiedAtMs }: RemoteFile): Item {
  return { name, sizeBytes, etag, modifiedAtMs }
}

function toWrite(condition: WriteCondition, crc64: string): Write {
  return {
    properties: { contentType: 'application/octet-stream', metadata: {}, tags: {} },
    attributes: {},
    digests: { crc64 },
    condition: toCondition(condition),
  }
}

function toCondition(condition: WriteCondition): Condition {
  if (condition === 'always') return { kind: 'none' }
  return condition === 'absent' ? { kind: 'absent' } : { kind: 'match', etag: condition.etag }
}

function unlessClash(error: unknown): false {
  if (isOneOf(error, ['transfer_target_exists', 'transfer_blob_changed', 'transfer_blob_absent'])) {
    return false
  }
  throw error
}

function isOneOf(error: unknown, codes: readonly FaultCode[]): boolean {
  return error instanceof Fault && codes.includes(error.code)
}
