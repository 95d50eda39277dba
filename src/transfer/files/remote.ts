// A file share as the engine sees a remote place (Azure Files REST,
// https://learn.microsoft.com/rest/api/storageservices/file-service-rest-api).
import { type CallDeps, countIds } from '../blob/call.ts'
import { showAddress } from '../blob/names.ts'
import { createReopening, type Reopening } from '../blob/stall.ts'
import type { Condition, Remote, RemoteFile, Write, Written } from '../remote.ts'
import { callFiles, type FilesDeps, isAbsent, refused } from './call.ts'
import { maxContentBytes, newHabits } from './content.ts'
import { createDialect } from './dialect.ts'
import { createFolder, createFolders } from './folders.ts'
import { listShare } from './list.ts'
import { assertFileName, foldFileName, folderOf, type ShareAddress, toFilePath } from './names.ts'
import { openRanges, setContentHeaders } from './parts.ts'
import { readFile } from './read.ts'
import { assertSame, assertVersion, headFile, statFile } from './stat.ts'
import { putWhole, type WriteDeps } from './whole.ts'

/** A remote place for one share; every method throws a Fault `azure_storage_*` or `transfer_*`. */
export function createFilesRemote(given: CallDeps, address: ShareAddress): Remote {
  const call = { ...given, newId: countIds(given.newId()) }
  const share: FilesDeps = { call, address: { ...address, place: 'share' } }
  const deps: WriteDeps & { reopening: Reopening } = {
    ...share,
    reopening: createReopening(call),
    folders: createFolders(share),
    habits: newHabits(),
    dialect: createDialect(share),
  }
  return {
    kind: 'files',
    shown: showAddress(address),
    wholeBytes: maxContentBytes,
    assertName: assertFileName,
    foldName: foldFileName,
    stat: (name) => statFile(deps, name),
    list: (prefix) => listShare(deps, prefix),
    putWhole: (name, body, write) => putWhole(deps, name, body, write),
    openParts: (name, source, write) => openRanges(deps, name, source, write),
    read: (name, options) => readFile(deps, name, options),
    setProperties: (name, write) => setProperties(deps, name, write),
    putFolder: (name, write) => putFolder(deps, name, write),
    remove: (file, condition) => remove(deps, file, condition),
  }
}

// Two requests, and a reader may see the state between them; the content is not touched by either.
async function setProperties(deps: WriteDeps, name: string, write: Write): Promise<Written> {
  await assertVersion(deps, name, write.condition)
  const kept = Object.entries(await deps.dialect.keptHeaders(write))
  const metadata = Object.fromEntries(kept.filter(([header]) => header.startsWith('x-ms-meta-')))
  const path = `${toFilePath(deps.address, name)}?comp=metadata`
  await callFiles(deps, {
    doing: `set the metadata of “${name}”`,
    request: () => ({ method: 'PUT', path, headers: metadata }),
  })
  return { etag: await setContentHeaders(deps, name, write) }
}

async function putFolder(deps: WriteDeps, name: string, write: Write): Promise<void> {
  const folder = name.replace(/\/+$/, '')
  await deps.folders.ensure(folderOf(folder))
  const made = await createFolder(deps, folder, await deps.dialect.keptHeaders(write))
  if (made === 'parent-absent') {
    deps.folders.forget(folderOf(folder))
    await deps.folders.ensure(folder)
  }
  deps.folders.note(folder)
}

async function remove(
  deps: WriteDeps,
  { name, kind }: Pick<RemoteFile, 'name' | 'kind'>,
  condition: Condition,
): Promise<boolean> {
  const doing = `remove “${name}”`
  const isFolder = kind === 'folder'
  const plain = isFolder ? name.replace(/\/+$/, '') : name
  if (condition.kind === 'match' && !isFolder) {
    const head = await headFile(deps, name)
    if (!head) return false
    assertSame(name, head, condition.etag)
  }
  const path = `${toFilePath(deps.address, plain)}${isFolder ? '?restype=directory' : ''}`
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'DELETE', path, headers: {} }),
    accepts: [404],
  })
  if (isFolder) deps.folders.forget(plain)
  if (answer.status < 300) return true
  if (!isAbsent(answer)) throw refused(deps, answer, doing)
  return answer.mayRepeat
}
