// Reads a range of a file, over several connections if need be, and never bytes of two versions.
import { Fault } from '../../core/fault.ts'
import type { CallRequest } from '../blob/call.ts'
import { assertStart, surprise } from '../blob/range.ts'
import type { Reopening, StallWatch } from '../blob/stall.ts'
import type { ReadOptions, RemoteFile } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, refused } from './call.ts'
import { toFilePath } from './names.ts'
import { toRemoteFile } from './properties.ts'
import { statFile } from './stat.ts'

/** See `Remote.read`; the version is compared with every answer, for Files takes no conditions. */
export async function readFile(
  deps: FilesDeps & { reopening: Reopening },
  name: string,
  options: ReadOptions,
): Promise<RemoteFile> {
  const { from, to, onPiece } = options
  const state: Progress = { offset: from, version: options.etag, last: undefined }
  const doing = `download “${name}”`
  const answer = await deps.reopening((watch) =>
    callFiles(deps, {
      doing,
      request: () => rangeRequest(deps, name, options, { state, watch }),
      isGivenUp: watch.isStalled,
      accepts: [409, 416],
    }),
  )
  if (answer.status === 416) return readNothing(deps, name, state)
  if (answer.status === 409) {
    const link = codeOf(answer) === 'ResourceTypeMismatch' && (await statFile(deps, name))
    if (!link || link.attributes.linkTarget === undefined) throw refused(deps, answer, doing)
    return readLinkText(link, { from, to, onPiece })
  }
  // A transport may see the end of the answer before the reader has finished with the last piece.
  await state.last
  const file = toRemoteFile(name, answer, 'file')
  if (state.version !== undefined && file.etag !== state.version) throw changed(name)
  if (state.offset !== Math.min(to + 1, file.sizeBytes)) {
    throw surprise(name, 'fewer bytes than it has')
  }
  return file
}

type Progress = {
  offset: number
  version: string | undefined
  /** The reader's work on the last piece. */
  last: Promise<void> | undefined
}

function rangeRequest(
  { address }: FilesDeps,
  name: string,
  { to, onPiece }: ReadOptions,
  { state, watch }: { state: Progress; watch: StallWatch },
): CallRequest {
  const start = state.offset
  watch.moved()
  return {
    method: 'GET',
    path: toFilePath(address, name),
    signal: watch.signal,
    headers: { 'x-ms-range': `bytes=${start}-${to}` },
    onBody: (piece, head) => {
      watch.moved()
      if (state.offset === start) {
        assertStart(head, start, name)
        state.version ??= head.headers['etag']
        // Before the first byte is taken: what comes after a cut belongs to the same version.
        if (head.headers['etag'] !== state.version) throw changed(name)
      }
      if (state.offset + piece.length > to + 1) {
        throw surprise(name, 'more bytes than were asked for')
      }
      const at = state.offset
      state.offset += piece.length
      const busy = onPiece(piece, at)
      if (!busy) return undefined
      watch.hold()
      state.last = busy.then(watch.moved)
      return state.last
    },
  }
}

// An empty file has no range to ask for, and the refusal tells nothing of the file.
async function readNothing(
  deps: FilesDeps,
  name: string,
  { offset, version }: Progress,
): Promise<RemoteFile> {
  const file = await statFile(deps, name)
  const isSame = file !== undefined && (version === undefined || file.etag === version)
  if (!isSame || file.sizeBytes !== offset) throw changed(name)
  return file
}

// A link of an NFS share has no content; its target stands for it, as it does in a kept link.
async function readLinkText(
  link: RemoteFile,
  { from, to, onPiece }: ReadOptions,
): Promise<RemoteFile> {
  const text = Buffer.from(link.attributes.linkTarget ?? '')
  if (from < text.length) await onPiece(text.subarray(from, to + 1), from)
  return { ...link, sizeBytes: text.length }
}

function changed(name: string): Fault {
  return new Fault('transfer_blob_changed', `“${name}” changed while it was read.`)
}
