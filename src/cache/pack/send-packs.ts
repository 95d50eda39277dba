// Gathers compressed frames into packs and sends each as one request, named by its own hash and created
// only where it is not there yet: what two saves make alike is sent once.
import { createHash } from 'node:crypto'

import type { CacheStore } from '../store.ts'
import { type Frame, packName } from './manifest.ts'

/** Packs that are being made. */
export type PackSender = {
  /** Takes the next frame; what it says of its pack holds when `end` is done. */
  add: (frame: Frame, bytes: Buffer) => Promise<void>
  /** Sends the rest and waits for everything; throws what a pack failed with. */
  end: () => Promise<SentPacks>
}

/** Names of packs that this save sent, and of those it found. */
export type SentPacks = { sent: string[]; found: string[]; bytes: number }

/** What sending needs; `mayReuse` says whether a pack that is there may be named. */
export type SendDeps = { store: CacheStore; mayReuse: (name: string) => boolean }

// One request takes no more.
const mostPackBytes = 8 * 1024 * 1024
const packsUnderWay = 5

/** Begins to make packs. */
export function createPackSender(deps: SendDeps): PackSender {
  const result: SentPacks = { sent: [], found: [], bytes: 0 }
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  let waiting: { frame: Frame; bytes: Buffer }[] = []
  let waitingBytes = 0
  const flush = async () => {
    if (waiting.length === 0) return
    const pack = closePack(waiting.map(({ bytes }) => bytes))
    for (const { frame } of waiting) frame.pack = pack.sha256
    waiting = []
    waitingBytes = 0
    while (underWay.size >= packsUnderWay) await Promise.race(underWay)
    const sending = send(deps, pack, result)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(sending))
    underWay.add(sending)
  }
  const settle = async () => {
    await Promise.all(underWay)
    if (failures.length > 0) throw failures[0]
  }
  return {
    add: async (frame, bytes) => {
      if (waitingBytes + bytes.length > mostPackBytes) await flush()
      if (failures.length > 0) await settle()
      frame.offset = waitingBytes
      frame.packedBytes = bytes.length
      waiting.push({ frame, bytes })
      waitingBytes += bytes.length
    },
    end: async () => {
      await flush()
      await settle()
      return result
    },
  }
}

function closePack(frames: readonly Buffer[]): { sha256: string; bytes: Buffer } {
  const bytes = Buffer.concat(frames)
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes }
}

async function send(
  { store, mayReuse }: SendDeps,
  { sha256, bytes }: { sha256: string; bytes: Buffer },
  result: SentPacks,
): Promise<void> {
  const name = packName(sha256)
  const isSent = await store.writeWhole(name, bytes, mayReuse(name) ? 'absent' : 'always')
  if (isSent) result.bytes += bytes.length
  result[isSent ? 'sent' : 'found'].push(name)
}
