// Where the frames of an archive are: the table at its end in the seekable format of zstd
// (contrib/seekable_format), a skippable frame that `tar --zstd` and `zstd -d` pass over.
import { Fault } from '../../core/fault.ts'
import { maxFrameBytes } from './zstd-frame.ts'

/** One frame: its length in the archive, and that of what it holds. */
export type FrameSize = { packedBytes: number; plainBytes: number }

const skippableMagic = 0x184d2a5e
const seekableMagic = 0x8f92eab1
const [headBytes, rowBytes] = [8, 8]

/** Length of what ends a table, bytes. */
export const seekFooterBytes = 9

// 4 TiB of archive in our frames.
const maxFrames = 1 << 20

/** The table of these frames. */
export function encodeSeekTable(frames: readonly FrameSize[]): Buffer {
  const table = Buffer.alloc(seekTableBytes(frames.length))
  table.writeUInt32LE(skippableMagic, 0)
  table.writeUInt32LE(table.length - headBytes, 4)
  for (const [index, { packedBytes, plainBytes }] of frames.entries()) {
    table.writeUInt32LE(packedBytes, headBytes + index * rowBytes)
    table.writeUInt32LE(plainBytes, headBytes + index * rowBytes + 4)
  }
  table.writeUInt32LE(frames.length, table.length - seekFooterBytes)
  table.writeUInt32LE(seekableMagic, table.length - 4)
  return table
}

/** Length of the table that ends in this footer; throws `cache_archive_invalid`. */
export function measureSeekTable(footer: Buffer): number {
  const isFooter = footer.length === seekFooterBytes && footer.readUInt32LE(5) === seekableMagic
  const count = isFooter ? footer.readUInt32LE(0) : 0
  // No checksums of frames, and no bits that mean nothing yet.
  if (!isFooter || footer[4] !== 0 || count < 1 || count > maxFrames) throw invalid('is none')
  return seekTableBytes(count)
}

/** The frames of an archive of `archiveBytes`, which end where its table begins; throws `cache_archive_invalid`. */
export function decodeSeekTable(table: Buffer, archiveBytes: number): FrameSize[] {
  const isTable = table.readUInt32LE(0) === skippableMagic
  if (!isTable || table.readUInt32LE(4) !== table.length - headBytes) throw invalid('is none')
  const frames: FrameSize[] = []
  let left = archiveBytes - table.length
  for (let at = headBytes; at < table.length - seekFooterBytes; at += rowBytes) {
    const [packedBytes, plainBytes] = [table.readUInt32LE(at), table.readUInt32LE(at + 4)]
    const isPossible = isFrameBytes(plainBytes) && isFrameBytes(packedBytes / 2)
    if (!isPossible) throw invalid('tells of a frame of an impossible length')
    left -= packedBytes
    frames.push({ packedBytes, plainBytes })
  }
  if (left !== 0) throw invalid('tells of another length than the archive has')
  return frames
}

function seekTableBytes(count: number): number {
  return headBytes + count * rowBytes + seekFooterBytes
}

function isFrameBytes(bytes: number): boolean {
  return bytes > 0 && bytes <= maxFrameBytes
}

function invalid(what: string): Fault {
  return new Fault('cache_archive_invalid', `The archive is damaged: the table at its end ${what}.`)
}
