// Reads a source file and notices when somebody writes it meanwhile: a torn artifact is worse than
// a failed step.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { Fault } from '../../core/fault.ts'
import { readingFault } from './faults.ts'

/** An open source file. */
export type SourceFile = {
  sizeBytes: number
  /** Fills the whole buffer from `offset`; a shorter file is a Fault `transfer_file_changed`. */
  readInto: (buffer: Buffer, offset: number) => Promise<void>
  /** Throws `transfer_file_changed` when size or time of change differ from those at opening. */
  assertUnchanged: () => Promise<void>
  close: () => Promise<void>
}

/** Opens a regular file without following a link in its last segment. */
export async function openSource(path: string): Promise<SourceFile> {
  const handle = await guarded(path, () =>
    // Non-blocking, so that a pipe put in the file's place cannot hang the step.
    open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  )
  const close = () => handle.close()
  try {
    const before = await guarded(path, () => handle.stat({ bigint: true }))
    if (!before.isFile()) throw changed(path, 'it is no regular file any more')
    return {
      sizeBytes: Number(before.size),
      close,
      readInto: async (buffer, offset) => {
        let filled = 0
        while (filled < buffer.length) {
          const { bytesRead } = await guarded(path, () =>
            handle.read(buffer, filled, buffer.length - filled, offset + filled),
          )
          if (bytesRead === 0) throw changed(path, 'it became shorter')
          filled += bytesRead
        }
      },
      assertUnchanged: async () => {
        const after = await guarded(path, () => handle.stat({ bigint: true }))
        if (after.size !== before.size) {
          throw changed(path, `its size went from ${before.size} to ${after.size} bytes`)
        }
        if (after.mtimeNs !== before.mtimeNs) throw changed(path, 'it was written to')
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw readingFault(error, path)
  }
}

function changed(path: string, how: string): Fault {
  return new Fault('transfer_file_changed', `“${path}” changed while it was sent: ${how}.`)
}
