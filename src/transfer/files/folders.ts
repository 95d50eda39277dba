// Folders of a share, made once each: everybody who needs one waits for the same request.
import { callFiles, codeOf, type FilesDeps, isAbsent, refused } from './call.ts'
import { folderOf, foldFileName, toFilePath } from './names.ts'

/** Which folders are known to exist. */
export type Folders = {
  /** Makes the folder and those above it, unless they are there. */
  ensure: (folder: string) => Promise<void>
  /** Somebody saw that it is there. */
  note: (folder: string) => void
  /** Somebody saw that it is gone, or one above it. */
  forget: (folder: string) => void
}

/** An empty memory; the share itself always exists. */
export function createFolders(deps: FilesDeps): Folders {
  const known = new Map<string, Promise<void>>()
  const ensure = (folder: string): Promise<void> => {
    if (folder === '') return Promise.resolve()
    const key = foldFileName(folder)
    const waiting = known.get(key) ?? make(folder)
    known.set(key, waiting)
    // What failed once may succeed for the next who asks.
    waiting.catch(() => known.delete(key))
    return waiting
  }
  const make = async (folder: string): Promise<void> => {
    const first = await createFolder(deps, folder, {})
    if (first !== 'parent-absent') return
    await ensure(folderOf(folder))
    if ((await createFolder(deps, folder, {})) !== 'parent-absent') return
    // Somebody removes folders while we make them: one above was known and is gone.
    forget(folderOf(folder))
    await ensure(folderOf(folder))
    await createFolder(deps, folder, {})
  }
  const forget = (folder: string): void => {
    for (let at = folder; at !== ''; at = folderOf(at)) known.delete(foldFileName(at))
  }
  return {
    ensure,
    forget,
    note: (folder) => void known.set(foldFileName(folder), Promise.resolve()),
  }
}

/** Creates one folder with these headers; says whether it is new, or that its parent is missing. */
export async function createFolder(
  deps: FilesDeps,
  folder: string,
  headers: Record<string, string>,
): Promise<'new' | 'there' | 'parent-absent'> {
  const doing = `make the folder “${folder}”`
  const path = `${toFilePath(deps.address, folder)}?restype=directory`
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'PUT', path, headers }),
    accepts: [404, 409],
  })
  if (answer.status < 300) return 'new'
  if (codeOf(answer) === 'ResourceAlreadyExists') return 'there'
  if (isAbsent(answer)) return 'parent-absent'
  throw refused(deps, answer, doing)
}
