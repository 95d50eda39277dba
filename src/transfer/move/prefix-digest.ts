// The MD5 of a file whose ranges arrive in any order: it follows the gapless beginning and reads it
// back from disk, so that hashing overlaps with the network and checks what was really written.
import { createHash } from 'node:crypto'

import type { PartFile } from '../local/write-part.ts'

/** A checksum that follows the ranges of one file. */
export type PrefixDigest = {
  /** The bytes from `from` up to but not including `to` are on disk. */
  add: (from: number, to: number) => void
  /** The base64 MD5 of all `sizeBytes`; undefined when the file is not whole. */
  end: (isWhole: boolean) => Promise<string | undefined>
}

const sliceBytes = 1024 * 1024

/** A digest over a part file of `sizeBytes` bytes. */
export function createPrefixDigest(part: PartFile, sizeBytes: number): PrefixDigest {
  const md5 = createHash('md5')
  const slice = Buffer.allocUnsafe(Math.min(sliceBytes, sizeBytes))
  const arrived = new Map<number, number>()
  let at = 0
  let following: Promise<void> | undefined
  let failure: unknown

  const follow = async () => {
    for (let to = arrived.get(at); to !== undefined; to = arrived.get(at)) {
      arrived.delete(at)
      while (at < to) {
        const bytes = slice.subarray(0, Math.min(slice.length, to - at))
        await part.read(bytes, at)
        md5.update(bytes)
        at += bytes.length
      }
    }
  }
  return {
    add: (from, to) => {
      arrived.set(from, to)
      following ??= follow()
        .catch((error: unknown) => {
          failure ??= error
        })
        .finally(() => {
          following = undefined
        })
    },
    end: async (isWhole) => {
      await following
      if (!isWhole) return undefined
      if (failure !== undefined) throw failure
      // Ranges reported in the moment the follower was ending.
      await follow()
      return at === sizeBytes ? md5.digest('base64') : undefined
    },
  }
}
