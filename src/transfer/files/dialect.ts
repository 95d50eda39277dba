// What a share that speaks NFS keeps by itself: modes, and symbolic links as such. Other shares keep the
// mode in metadata and a link as a file with its target in it (Azure Files REST, "Create File",
// "Create Symbolic Link").
import { Fault } from '../../core/fault.ts'
import type { Write, Written } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, refused } from './call.ts'
import { toFilePath } from './names.ts'
import { toKeptHeaders, toLinkText } from './properties.ts'
import { assertVersion } from './stat.ts'

/** The share's way of keeping what a file system knows. */
export type Dialect = {
  /** Asked of the share at most once, and only for those who have something to keep. */
  isNfs: () => Promise<boolean>
  /** Metadata, time and mode of a file or folder to be made or changed. */
  keptHeaders: (write: Write) => Promise<Record<string, string>>
}

/** A dialect that is found out at the first question. */
export function createDialect(deps: FilesDeps): Dialect {
  let asked: Promise<boolean> | undefined
  const isNfs = (): Promise<boolean> => {
    const answer = (asked ??= askShare(deps))
    // A failure is for who asked; the next one may have more luck.
    answer.catch(() => (asked = undefined))
    return answer
  }
  return {
    isNfs,
    async keptHeaders(write) {
      const { mode, ...attributes } = write.attributes
      if (mode === undefined || !(await isNfs())) return toKeptHeaders(write)
      const octal = (mode & 0o7777).toString(8).padStart(4, '0')
      return { ...toKeptHeaders({ ...write, attributes }), 'x-ms-mode': octal }
    },
  }
}

/**
 * Makes a symbolic link of an NFS share; what it replaces is removed first, for links cannot be replaced
 * in one step.
 */
export async function putLink(
  deps: FilesDeps,
  name: string,
  target: string,
  write: Write,
): Promise<Written> {
  const doing = `make the link “${name}”`
  await assertVersion(deps, name, write.condition)
  const { mode: _, linkTarget: __, ...attributes } = write.attributes
  const headers = {
    ...toKeptHeaders({ ...write, attributes }),
    'x-ms-link-text': toLinkText(target),
  }
  const path = toFilePath(deps.address, name)
  const create = () =>
    callFiles(deps, {
      doing,
      request: () => ({ method: 'PUT', path: `${path}?restype=symboliclink`, headers }),
      accepts: [404, 409],
    })
  let answer = await create()
  if (codeOf(answer) === 'ResourceAlreadyExists') {
    if (write.condition.kind === 'absent') {
      throw new Fault('transfer_target_exists', `“${name}” exists already in the share.`)
    }
    await callFiles(deps, {
      doing,
      request: () => ({ method: 'DELETE', path, headers: {} }),
      accepts: [404],
    })
    answer = await create()
  }
  if (answer.status >= 300) throw refused(deps, answer, doing)
  return { etag: answer.headers['etag'] ?? '' }
}

async function askShare(deps: FilesDeps): Promise<boolean> {
  const path = `${toFilePath(deps.address, '')}?restype=directory`
  const answer = await callFiles(deps, {
    doing: 'ask the share what it speaks',
    request: () => ({ method: 'HEAD', path, headers: {} }),
  })
  return answer.headers['x-ms-mode'] !== undefined
}
