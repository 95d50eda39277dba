// What is at a name now. Files knows no conditional requests (`ConditionHeadersNotSupported`), so the
// version of a file is compared here, with what a HEAD tells.
import { Fault } from '../../core/fault.ts'
import type { HttpHead } from '../../http/http.ts'
import type { Condition, RemoteFile } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, isAbsent, refused } from './call.ts'
import { toFilePath } from './names.ts'
import { parseLinkText, toRemoteFile } from './properties.ts'

/** The file, link or folder of this name; undefined when there is none. */
export async function statFile(deps: FilesDeps, name: string): Promise<RemoteFile | undefined> {
  const path = name.replace(/\/+$/, '')
  const head = name === path && path !== '' ? await headFile(deps, path) : undefined
  if (!head) return statFolder(deps, path)
  const file = toRemoteFile(name, head, 'file')
  const isNative = head.headers['x-ms-file-file-type']?.toLowerCase() === 'symlink'
  if (!isNative) return file
  return { ...file, attributes: { ...file.attributes, linkTarget: await readLink(deps, path) } }
}

/** The head of a file; undefined when nothing, or a folder, has this name. */
export async function headFile(deps: FilesDeps, name: string): Promise<HttpHead | undefined> {
  const doing = `find “${name}”`
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'HEAD', path: toFilePath(deps.address, name), headers: {} }),
    accepts: [404, 409],
  })
  if (answer.status < 300) return answer
  if (isAbsent(answer) || codeOf(answer) === 'ResourceTypeMismatch') return undefined
  throw refused(deps, answer, doing)
}

/**
 * Throws `transfer_blob_changed` when the file is another version than the condition names. Somebody may
 * still write between this and what follows: the service offers no way to exclude that.
 */
export async function assertVersion(
  deps: FilesDeps,
  name: string,
  condition: Condition,
): Promise<void> {
  if (condition.kind !== 'match') return
  assertSame(name, await headFile(deps, name), condition.etag)
}

/** Throws `transfer_blob_changed` when this is not the head of that version. */
export function assertSame(name: string, head: HttpHead | undefined, etag: string): void {
  if (head?.headers['etag'] === etag) return
  throw new Fault('transfer_blob_changed', `“${name}” is not what it was when the transfer began.`)
}

async function statFolder(deps: FilesDeps, name: string): Promise<RemoteFile | undefined> {
  const doing = `find “${name}”`
  const path = `${toFilePath(deps.address, name)}?restype=directory`
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'HEAD', path, headers: {} }),
    accepts: [404, 409],
  })
  if (answer.status < 300) return toRemoteFile(name, answer, 'folder')
  if (isAbsent(answer) || codeOf(answer) === 'ResourceTypeMismatch') return undefined
  throw refused(deps, answer, doing)
}

async function readLink(deps: FilesDeps, name: string): Promise<string> {
  const answer = await callFiles(deps, {
    doing: `read the link “${name}”`,
    request: () => ({
      method: 'GET',
      path: `${toFilePath(deps.address, name)}?restype=symboliclink`,
      headers: {},
    }),
  })
  return parseLinkText(answer.headers['x-ms-link-text'] ?? '')
}
