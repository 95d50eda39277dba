// Reads a range of one version of a blob: goes on where a cut connection ended, and over another
// connection when nothing comes any more.
import { Fault } from '../../core/fault.ts'
import type { ReadOptions, RemoteFile } from '../remote.ts'
import { type CallDeps, type CallRequest, callStorage } from './call.ts'
import { type ContainerAddress, toBlobPath } from './names.ts'
import { toRemoteFile } from './properties.ts'
import { assertStart, surprise } from './range.ts'
import type { Reopening, StallWatch } from './stall.ts'

/** What reading needs: calls, and a watch over them. */
export type ReadDeps = CallDeps & { reopening: Reopening }

/** Reads; see `Remote.read`. */
export async function readBlob(
  deps: ReadDeps,
  address: ContainerAddress,
  name: string,
  { from, to, etag, onPiece }: ReadOptions,
): Promise<RemoteFile> {
  const path = toBlobPath(address, name)
  let offset = from
  let version = etag
  let last: Promise<void> | undefined
  const requestFor = (watch: StallWatch): CallRequest => {
    const start = offset
    watch.moved()
    return {
      method: 'GET',
      path,
      signal: watch.signal,
      headers: {
        'x-ms-range': `bytes=${start}-${to}`,
        ...(version !== undefined && { 'if-match': version }),
      },
      onBody: (piece, head) => {
        watch.moved()
        if (offset === start) assertStart(head, start, name)
        if (offset + piece.length > to + 1) throw surprise(name, 'more bytes than were asked for')
        // What comes after a cut must belong to the same version as what came before it.
        version ??= head.headers['etag']
        const at = offset
        offset += piece.length
        const busy = onPiece(piece, at)
        if (!busy) return undefined
        watch.hold()
        last = busy.then(watch.moved)
        return last
      },
    }
  }
  const answer = await deps.reopening((watch) =>
    callStorage(deps, address, {
      doing: `download “${name}”`,
      request: () => requestFor(watch),
      isGivenUp: watch.isStalled,
      // An empty blob has no range to ask for and answers 416 (facts/transfer.md §2).
      accepts: [416],
    }),
  )
  if (answer.status === 416) {
    if (offset === 0) return { ...toRemoteFile(name, answer), sizeBytes: 0 }
    throw new Fault('transfer_blob_changed', `“${name}” became shorter while it was read.`)
  }
  // A transport may see the end of the answer before the reader has finished with the last piece.
  await last
  const file = toRemoteFile(name, answer)
  if (offset !== Math.min(to + 1, file.sizeBytes)) {
    throw surprise(name, 'fewer bytes than it has')
  }
  return file
}
