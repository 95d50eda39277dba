// Files of an image as values, and their tar (POSIX pax, by tar-stream): the same entries give the same
// bytes, whoever owns them here and whenever they were made.
import { buffer } from 'node:stream/consumers'

import { pack } from 'tar-stream'

/** One folder or file of an image; `path` has no leading slash, owners are numbers. */
export type Entry = { path: string; mode: number; owner: number; body?: Buffer }

/** A folder that root owns. */
export function folder(path: string, mode = 0o755, owner = 0): Entry {
  return { path, mode, owner }
}

/** A file that root owns and everybody reads. */
export function file(path: string, body: Buffer | string, mode = 0o644): Entry {
  return { path, mode, owner: 0, body: Buffer.from(body) }
}

/** The tar of these entries and of the folders above them, sorted by path; `madeAt` is every file's time. */
export async function writeTar(entries: readonly Entry[], madeAt: Date): Promise<Buffer> {
  const all = new Map(
    entries.flatMap((entry) => foldersAbove(entry.path)).map((each) => [each.path, each]),
  )
  for (const entry of entries) all.set(entry.path, entry)
  const archive = pack()
  const bytes = buffer(archive)
  const sorted = [...all.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  for (const { path, mode, owner, body } of sorted) {
    const header = { mode, uid: owner, gid: owner, mtime: madeAt }
    if (body) archive.entry({ ...header, name: path, type: 'file' }, body)
    else archive.entry({ ...header, name: `${path}/`, type: 'directory' })
  }
  archive.finalize()
  return bytes
}

function foldersAbove(path: string): Entry[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => folder(parts.slice(0, index + 1).join('/')))
}
