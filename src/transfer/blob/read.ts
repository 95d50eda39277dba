// Reads a range of one version of a blob: goes on where a cut connection ended, and over another
// connection when nothing comes any more.
import { Fault } from '../../core/fault.ts'
import type { HttpHead } from '../../http/http.ts'
import type { ReadOptions, RemoteFile } from '../remote.ts'
import { type CallAnswer, type CallDeps, type CallRequest, callStorage } from './call.ts'
import { type ContainerAddress, toBlobPath } from './names.ts'
import { toRemoteFile } from './properties.ts'
import { type StallWatch, watchStall } from './stall.ts'

const defaultStallMs = 10_000
const maxReopens = 5

/** Reads; see `Remote.read`. */
export async function readBlob(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  { from, to, etag, onPiece }: ReadOptions,
): Promise<RemoteFile> {
  let offset = from
  let version = etag
  let last: Promise<void> | undefined
  const requestFor = (watch: StallWatch): CallRequest => {
    const start = offset
    watch.moved()
    return {
      method: 'GET',
      path: toBlobPath(address, name),
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
  const answer = await reopening(deps, async (watch) =>
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

async function reopening(
  { stallMs = defaultStallMs, halt }: CallDeps,
  call: (watch: StallWatch) => Promise<CallAnswer>,
): Promise<CallAnswer> {
  for (let reopened = 0; ; reopened++) {
    const watch = watchStall(stallMs, halt.aborting)
    try {
      return await call(watch)
    } catch (error) {
      if (!watch.isStalled() || reopened >= maxReopens || halt.stopping.aborted) throw error
    } finally {
      watch.end()
    }
  }
}

function assertStart({ status, headers }: HttpHead, offset: number, name: string): void {
  const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')
  const start = status === 206 ? Number(range?.[1]) : 0
  if (start !== offset) throw surprise(name, 'another range than was asked for')
}

function surprise(name: string, what: string): Fault {
  return new Fault('azure_storage_refused', `Storage sent ${what} of “${name}”.`)
}
