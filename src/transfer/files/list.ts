// Lists a share: one request tells one level of one folder, so folders are read side by side.
import type { RemoteFile } from '../remote.ts'
import { callFiles, type FilesDeps, isAbsent, refused } from './call.ts'
import { type FilesEntry, type FilesPage, parseFilesListing } from './listing.ts'
import { baseOf, folderOf, isTemporaryName, toFilePath } from './names.ts'

// Folders read at once.
const lanes = 16

type Level = { folder: string; basePrefix: string; marker: string }

/**
 * Everything whose name begins with `prefix`, page by page, folders included. A listing tells neither
 * metadata nor content headers: digests, properties and links are for `stat` to tell.
 */
export async function* listShare(deps: FilesDeps, prefix: string): AsyncGenerator<RemoteFile[]> {
  const waiting: Level[] = [{ folder: folderOf(prefix), basePrefix: baseOf(prefix), marker: '' }]
  const underway = new Map<Level, Promise<{ level: Level; page: FilesPage }>>()
  while (waiting.length > 0 || underway.size > 0) {
    while (underway.size < lanes) {
      const level = waiting.pop()
      if (!level) break
      const reading = readLevel(deps, level).then((page) => ({ level, page }))
      // Whoever is first to fail ends the listing; the others must not end the process.
      reading.catch(() => undefined)
      underway.set(level, reading)
    }
    const { level, page } = await Promise.race(underway.values())
    underway.delete(level)
    if (page.nextMarker !== '') waiting.push({ ...level, marker: page.nextMarker })
    const kept = page.entries.filter(
      ({ base }) => base.startsWith(level.basePrefix) && !isTemporaryName(base),
    )
    for (const { base, kind } of kept) {
      if (kind !== 'folder') continue
      waiting.push({ folder: join(level.folder, base), basePrefix: '', marker: '' })
    }
    if (kept.length > 0) yield kept.map((entry) => toRemoteFile(level.folder, entry))
  }
}

/** One page of one level; empty when there is no such folder. */
export async function readLevel(
  deps: FilesDeps,
  { folder, basePrefix, marker }: Level,
): Promise<FilesPage> {
  const doing = `list “${folder}/”`
  const query = [
    'restype=directory&comp=list&include=Timestamps,Etag',
    ...(basePrefix === '' ? [] : [`prefix=${encodeURIComponent(basePrefix)}`]),
    ...(marker === '' ? [] : [`marker=${encodeURIComponent(marker)}`]),
  ].join('&')
  const answer = await callFiles(deps, {
    doing,
    request: () => ({
      method: 'GET',
      path: `${toFilePath(deps.address, folder)}?${query}`,
      headers: { 'x-ms-file-extended-info': 'true' },
    }),
    accepts: [404, 409],
  })
  if (answer.status < 300) return parseFilesListing(answer.body)
  // A file of this name, or nothing: in either case nothing lies below it.
  const isFile =
    answer.status === 409 && answer.headers['x-ms-error-code'] === 'ResourceTypeMismatch'
  if (isFile || isAbsent(answer)) return { entries: [], nextMarker: '' }
  throw refused(deps, answer, doing)
}

function toRemoteFile(folder: string, entry: FilesEntry): RemoteFile {
  const { base, kind, sizeBytes, etag, modifiedAtMs, writtenAtMs } = entry
  return {
    name: join(folder, base),
    kind,
    sizeBytes,
    etag,
    modifiedAtMs: Number.isFinite(modifiedAtMs) ? modifiedAtMs : 0,
    digests: {},
    properties: { contentType: '', metadata: {}, tags: {} },
    attributes: Number.isFinite(writtenAtMs) ? { modifiedAtMs: writtenAtMs } : {},
  }
}

function join(folder: string, base: string): string {
  return folder === '' ? base : `${folder}/${base}`
}
