// Fetches a kept symbolic link: its content is the text of its target.
import { Fault } from '../../core/fault.ts'
import type { RemoteFile } from '../remote.ts'
import type { FetchDeps } from './download.ts'

// Longer than any path a system takes.
const maxTargetBytes = 4096

/** Makes the link on disk; throws `transfer_path_unsafe` when it would lead out of the target folder. */
export async function fetchLink(
  deps: FetchDeps,
  segments: readonly string[],
  remote: RemoteFile,
): Promise<undefined> {
  const linkTarget = remote.attributes.linkTarget ?? (await readTarget(deps, remote))
  deps.folder.makeLink(segments, linkTarget)
}

async function readTarget(
  { remote }: FetchDeps,
  { name, sizeBytes, etag }: RemoteFile,
): Promise<string> {
  if (sizeBytes === 0 || sizeBytes > maxTargetBytes) {
    throw new Fault('transfer_path_unsafe', `The link “${name}” has no usable target.`)
  }
  const content = Buffer.alloc(sizeBytes)
  await remote.read(name, {
    from: 0,
    to: sizeBytes - 1,
    etag,
    onPiece: (piece, offset) => {
      piece.copy(content, offset)
      return undefined
    },
  })
  return content.toString('utf8')
}
