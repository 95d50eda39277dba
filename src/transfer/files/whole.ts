// A small file in one request, and what surrounds it: the folder it needs and the condition it is under.
import type { CallAnswer } from '../blob/call.ts'
import type { Write, Written } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, isAbsent, refused } from './call.ts'
import { type Habits, sendContent } from './content.ts'
import { type Dialect, putLink } from './dialect.ts'
import type { Folders } from './folders.ts'
import { folderOf, temporaryNames, toFilePath } from './names.ts'
import { toContentHeaders } from './properties.ts'
import { renameInto } from './rename.ts'
import { assertVersion } from './stat.ts'

/** What writing needs: the share, the folders known in it, what the service takes, what the share keeps. */
export type WriteDeps = FilesDeps & { folders: Folders; habits: Habits; dialect: Dialect }

/**
 * See `Remote.putWhole`. `absent` holds without a race, by a rename that replaces nothing; `match` is
 * looked at just before the write, and somebody may write in between.
 */
export async function putWhole(
  deps: WriteDeps,
  name: string,
  body: Buffer,
  write: Write,
): Promise<Written> {
  const { linkTarget } = write.attributes
  if (linkTarget !== undefined && (await deps.dialect.isNfs())) {
    await deps.folders.ensure(folderOf(name))
    return putLink(deps, name, linkTarget, write)
  }
  if (write.condition.kind !== 'absent') {
    await assertVersion(deps, name, write.condition)
    const { headers } = await createFile(deps, name, body, write)
    return { etag: headers['etag'] ?? '' }
  }
  const temporary = temporaryNames(name, deps.call.newId())
  const { headers } = await createFile(deps, temporary.name, body, write, name)
  const id = headers['x-ms-file-id'] ?? ''
  return renameInto(deps, { name: temporary.name, id }, name, write)
}

// `shown` is what faults call the file.
async function createFile(
  deps: WriteDeps,
  name: string,
  body: Buffer,
  write: Write,
  shown = name,
): Promise<CallAnswer> {
  await deps.folders.ensure(folderOf(name))
  const first = await createInFolder(deps, name, body, write, shown)
  if (first.status !== 404) return first
  // Somebody removed the folder since we made or saw it.
  deps.folders.forget(folderOf(name))
  await deps.folders.ensure(folderOf(name))
  const second = await createInFolder(deps, name, body, write, shown)
  if (second.status !== 404) return second
  throw refused(deps, second, `upload “${shown}”`)
}

/**
 * Creates or replaces an empty file of this length; an answer of 404 says that the folder is missing.
 * `shown` is what faults call the file.
 */
export async function createEmpty(
  deps: WriteDeps,
  name: string,
  sizeBytes: number,
  write: Write,
  shown = name,
): Promise<CallAnswer> {
  const doing = `upload “${shown}”`
  const headers = await createHeaders(deps, sizeBytes, write)
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'PUT', path: toFilePath(deps.address, name), headers }),
    accepts: [404],
  })
  if (answer.status < 300 || isAbsent(answer)) return answer
  throw refused(deps, answer, doing)
}

async function createInFolder(
  deps: WriteDeps,
  name: string,
  body: Buffer,
  write: Write,
  shown: string,
): Promise<CallAnswer> {
  const { habits } = deps
  if (body.length === 0) return createEmpty(deps, name, 0, write, shown)
  if (habits.takesContent) {
    const content = {
      doing: `upload “${shown}”`,
      path: toFilePath(deps.address, name),
      headers: await createHeaders(deps, body.length, write),
      body,
      digests: write.digests,
    }
    const answer = await sendContent(deps, habits, content, [400, 404])
    if (answer.status < 300 || isAbsent(answer)) return answer
    const isOfContent = ['Md5Mismatch', 'Crc64Mismatch'].includes(codeOf(answer))
    if (answer.status !== 400 || isOfContent) throw refused(deps, answer, content.doing)
  }
  const written = await createThenFill(deps, name, body, write, shown)
  // Only now it is sure that the content was the reason, and not the name, say.
  if (written.status < 300) habits.takesContent = false
  return written
}

// In two requests readers may see zeros; a service of before February 2026 leaves no choice.
async function createThenFill(
  deps: WriteDeps,
  name: string,
  body: Buffer,
  write: Write,
  shown: string,
): Promise<CallAnswer> {
  const created = await createEmpty(deps, name, body.length, write, shown)
  if (created.status === 404) return created
  const filled = await sendContent(
    deps,
    deps.habits,
    {
      doing: `upload “${shown}”`,
      path: `${toFilePath(deps.address, name)}?comp=range`,
      headers: {
        'x-ms-write': 'update',
        'x-ms-range': `bytes=0-${body.length - 1}`,
        // The time that the create has set is the one to keep.
        ...(write.attributes.modifiedAtMs !== undefined && {
          'x-ms-file-last-write-time': 'preserve',
        }),
      },
      body,
      digests: write.digests,
    },
    [],
  )
  const id = created.headers['x-ms-file-id']
  return { ...filled, headers: { ...filled.headers, ...(id && { 'x-ms-file-id': id }) } }
}

async function createHeaders(
  { dialect }: WriteDeps,
  sizeBytes: number,
  write: Write,
): Promise<Record<string, string>> {
  return {
    'x-ms-type': 'file',
    'x-ms-content-length': String(sizeBytes),
    ...toContentHeaders(write),
    ...(await dialect.keptHeaders(write)),
  }
}
