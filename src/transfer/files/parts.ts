// A big file in ranges, under a temporary name in its own folder, so that readers never see a half. The
// name is bound to target and source: an interrupted upload of the same source goes on where it ended.
import type { PartsOf, PartWriter, Write } from '../remote.ts'
import { callFiles, type FilesDeps, refused } from './call.ts'
import { maxContentBytes, sendContent } from './content.ts'
import { readLevel } from './list.ts'
import { type FileRange, type FilesEntry, parseRanges } from './listing.ts'
import { folderOf, temporaryNames, toFilePath } from './names.ts'
import { toContentHeaders } from './properties.ts'
import { removeTemporary, renameInto, type Temporary } from './rename.ts'
import { assertVersion } from './stat.ts'
import { createEmpty, type WriteDeps } from './whole.ts'

// As long as Blob Storage keeps blocks that nobody commits.
const abandonedAfterMs = 7 * 24 * 60 * 60 * 1000

/** See `Remote.openParts`; a range counts as sent when all of it was written under our name. */
export async function openRanges(
  deps: WriteDeps,
  name: string,
  { sizeBytes, sourceId }: PartsOf,
  write: Write,
): Promise<PartWriter> {
  const doing = `upload “${name}”`
  // The length is part of the version: a temporary file of another one would not be ours.
  const names = temporaryNames(name, `${sizeBytes} ${sourceId}`)
  const found = await findTemporaries(deps, names)
  const mine = found.find(({ entry }) => entry === names.name)
  const isResumed = mine !== undefined && mine.sizeBytes === sizeBytes
  const temporary: Temporary = {
    name: names.name,
    id: isResumed ? mine.id : await createTemporary(deps, names.name, sizeBytes, write, name),
  }
  const path = toFilePath(deps.address, names.name)
  const held = isResumed ? await listRanges(deps, names.name, doing) : []
  return {
    partBytes: maxContentBytes,
    holds: ({ offset, sizeBytes: length }) =>
      held.some(({ from, to }) => from <= offset && to >= offset + length - 1),
    put: async ({ offset, sizeBytes: length, digests }, body) => {
      const headers = {
        'x-ms-write': 'update',
        'x-ms-range': `bytes=${offset}-${offset + length - 1}`,
      }
      const content = { doing, path: `${path}?comp=range`, headers, body, digests }
      await sendContent(deps, deps.habits, content, [])
    },
    commit: async (_parts, final) => {
      await assertVersion(deps, name, final.condition)
      // A rename sets metadata and times; the other content headers are as the creation had them.
      if (isResumed || final.digests.md5 !== write.digests.md5) {
        await setContentHeaders(deps, names.name, final)
      }
      return renameInto(deps, temporary, name, final)
    },
  }
}

/** Sets content headers, time and mode of a file; gives its new ETag. */
export async function setContentHeaders(
  deps: WriteDeps,
  name: string,
  write: Write,
): Promise<string> {
  const kept = Object.entries(await deps.dialect.keptHeaders(write))
  const headers = {
    ...toContentHeaders(write),
    ...Object.fromEntries(kept.filter(([header]) => !header.startsWith('x-ms-meta-'))),
  }
  const path = `${toFilePath(deps.address, name)}?comp=properties`
  const answer = await callFiles(deps, {
    doing: `set the properties of “${name}”`,
    request: () => ({ method: 'PUT', path, headers }),
  })
  return answer.headers['etag'] ?? ''
}

type Names = ReturnType<typeof temporaryNames>

// One request tells whether ours is there; what others left behind long ago is removed on the way.
async function findTemporaries(
  deps: WriteDeps,
  { folder, prefix }: Names,
): Promise<{ entry: string; id: string; sizeBytes: number }[]> {
  const { entries } = await readLevel(deps, { folder, basePrefix: prefix, marker: '' })
  if (entries.length > 0) deps.folders.note(folder)
  const nowMs = deps.call.now().getTime()
  const isAbandoned = ({ writtenAtMs }: FilesEntry) => nowMs - writtenAtMs > abandonedAfterMs
  const files = entries.filter(({ kind }) => kind === 'file')
  const toName = ({ base }: FilesEntry) => (folder === '' ? base : `${folder}/${base}`)
  await Promise.all(files.filter(isAbandoned).map((entry) => removeTemporary(deps, toName(entry))))
  return files
    .filter((entry) => !isAbandoned(entry))
    .map((entry) => ({ entry: toName(entry), id: entry.id, sizeBytes: entry.sizeBytes }))
}

async function createTemporary(
  deps: WriteDeps,
  name: string,
  sizeBytes: number,
  write: Write,
  shown: string,
): Promise<string> {
  const folder = folderOf(name)
  await deps.folders.ensure(folder)
  let answer = await createEmpty(deps, name, sizeBytes, write, shown)
  if (answer.status === 404) {
    deps.folders.forget(folder)
    await deps.folders.ensure(folder)
    answer = await createEmpty(deps, name, sizeBytes, write, shown)
  }
  if (answer.status >= 300) throw refused(deps, answer, `upload “${shown}”`)
  return answer.headers['x-ms-file-id'] ?? ''
}

async function listRanges(deps: FilesDeps, name: string, doing: string): Promise<FileRange[]> {
  const answer = await callFiles(deps, {
    doing,
    request: () => ({
      method: 'GET',
      path: `${toFilePath(deps.address, name)}?comp=rangelist`,
      headers: {},
    }),
  })
  return parseRanges(answer.body)
}
