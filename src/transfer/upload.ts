// Sends files: a small one as one Put Blob, a big one as blocks that are committed together, so that
// readers see the old blob or the new one and never a half (facts/transfer.md §8 "Upload rules").
import { createHash, type Hash, hash } from 'node:crypto'

import { Fault } from '../core/fault.ts'
import type { BlobClient } from './blob/client.ts'
import { type BufferPool, createBufferPool } from './buffers.ts'
import { assertRunning, type Halt } from './halt.ts'
import { openSource, type SourceFile } from './local/read.ts'
import { blockBytes, chooseBlockBytes, type UploadItem } from './plan.ts'
import { type Outcome, runAll, type Slots } from './schedule.ts'

/** What moving files needs: a container, room on the wire, an end, and an ear for progress. */
export type TransferDeps = {
  client: BlobClient
  slots: Slots
  halt: Halt
  newId: () => string
  /** Is told of bytes as they have arrived. */
  onBytes: (count: number) => void
}

/** Whether a name that exists is replaced or is a Fault `transfer_target_exists`. */
export type UploadOptions = { overwrite: 'always' | 'error' }

const sliceBytes = 1024 * 1024

/** Uploads all items; the outcome names every file that failed by itself. */
export function upload(
  deps: TransferDeps,
  items: readonly UploadItem[],
  options: UploadOptions,
): Promise<Outcome> {
  const pool = createBufferPool(blockBytes)
  return runAll(deps, items, {
    nameOf: (item) => item.path,
    costOf: ({ sizeBytes }) => (sizeBytes <= blockBytes ? sizeBytes : undefined),
    transfer: async (item) => {
      const file = await openSource(item.path)
      try {
        if (file.sizeBytes !== item.sizeBytes) throw sizeChanged(item, file)
        const send = file.sizeBytes <= blockBytes ? sendWhole : sendBlocks
        await send({ ...deps, pool }, file, item, options)
        return file.sizeBytes
      } finally {
        await file.close()
      }
    },
  })
}

type SendDeps = TransferDeps & { pool: BufferPool }

function sizeChanged({ path, sizeBytes }: UploadItem, file: SourceFile): Fault {
  return new Fault(
    'transfer_file_changed',
    `“${path}” changed after it was found: its size went from ${sizeBytes} to ${file.sizeBytes} bytes.`,
  )
}

async function sendWhole(
  { client, pool, onBytes }: SendDeps,
  file: SourceFile,
  { blobName, contentType }: UploadItem,
  { overwrite }: UploadOptions,
): Promise<void> {
  const buffer = pool.take(file.sizeBytes)
  try {
    await file.readInto(buffer, 0)
    await file.assertUnchanged()
    const contentMd5 = hash('md5', buffer, 'base64')
    const createOnly = overwrite === 'error'
    await client.putBlob(blobName, buffer, { contentType, contentMd5, createOnly })
    onBytes(buffer.length)
  } finally {
    pool.give(buffer)
  }
}

async function sendBlocks(
  deps: SendDeps,
  file: SourceFile,
  { blobName, contentType }: UploadItem,
  { overwrite }: UploadOptions,
): Promise<void> {
  const createOnly = overwrite === 'error'
  // The condition is checked again when the blocks are committed; this only spares sending them.
  if (createOnly && (await deps.client.head(blobName))) {
    throw new Fault('transfer_target_exists', `“${blobName}” exists already in the container.`)
  }
  const { ids, contentMd5 } = await sendAllBlocks(deps, file, blobName)
  await file.assertUnchanged()
  const release = await deps.slots.take(0)
  try {
    assertRunning(deps.halt)
    await deps.client.putBlockList(blobName, ids, { contentType, contentMd5, createOnly })
  } finally {
    release()
  }
}

async function sendAllBlocks(
  deps: SendDeps,
  file: SourceFile,
  blobName: string,
): Promise<{ ids: string[]; contentMd5: string }> {
  const step = chooseBlockBytes(file.sizeBytes)
  const whole = createHash('md5')
  // Ids differ between builds that write the same blob at once. All ids of one blob must be equally
  // long: 48 bytes as AzCopy's, so that what an interrupted AzCopy left behind is no obstacle.
  const nonce = hash('sha256', deps.newId()).slice(0, 40)
  const ids: string[] = []
  const underway: Promise<void>[] = []
  const failures: unknown[] = []
  try {
    for (let offset = 0; offset < file.sizeBytes; offset += step) {
      const length = Math.min(step, file.sizeBytes - offset)
      const release = await deps.slots.take(length)
      const id = toBlockId(ids.length, nonce)
      ids.push(id)
      const block = deps.pool.take(length)
      const end = () => {
        deps.pool.give(block)
        release()
      }
      if (failures.length > 0 || deps.halt.stopping.aborted) {
        end()
        break
      }
      const contentMd5 = await readBlock(file, block, offset, whole).catch((error: unknown) => {
        end()
        throw error
      })
      const sent = deps.client
        .putBlock(blobName, id, block, contentMd5)
        .then(() => deps.onBytes(length))
        .catch((error: unknown) => {
          failures.push(error)
        })
        .finally(end)
      underway.push(sent)
    }
  } finally {
    await Promise.all(underway)
  }
  if (failures.length > 0) throw failures[0]
  assertRunning(deps.halt)
  return { ids, contentMd5: whole.digest('base64') }
}

// Hashed in slices as it is read: one go over 8 MiB would keep every connection waiting.
async function readBlock(
  file: SourceFile,
  block: Buffer,
  offset: number,
  whole: Hash,
): Promise<string> {
  const own = createHash('md5')
  for (let at = 0; at < block.length; at += sliceBytes) {
    const slice = block.subarray(at, at + sliceBytes)
    await file.readInto(slice, offset + at)
    own.update(slice)
    whole.update(slice)
  }
  return own.digest('base64')
}

function toBlockId(index: number, nonce: string): string {
  return Buffer.from(`${String(index).padStart(8, '0')}${nonce}`).toString('base64')
}
