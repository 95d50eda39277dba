// Gives a file that grew under a temporary name its own: the one step on Files that is atomic, and, when
// it must not replace anything, the one way to create a file only if there is none.
import { Fault } from '../../core/fault.ts'
import type { Write, Written } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, refused } from './call.ts'
import type { Dialect } from './dialect.ts'
import { toFilePath } from './names.ts'
import { headFile } from './stat.ts'

/** A file under its temporary name; `id` is the service's own for it and outlives a rename. */
export type Temporary = { name: string; id: string }

/** Renames; throws `transfer_target_exists` when it must not replace what is there. */
export async function renameInto(
  deps: FilesDeps & { dialect: Dialect },
  temporary: Temporary,
  name: string,
  write: Write,
): Promise<Written> {
  const doing = `upload “${name}”`
  const { origin } = deps.address
  const replaces = write.condition.kind !== 'absent'
  // A mode of its own the file has got when it was created.
  const { 'x-ms-mode': _, ...kept } = await deps.dialect.keptHeaders(write)
  const headers = {
    'x-ms-file-rename-source': `${origin.origin}${toFilePath(deps.address, temporary.name)}`,
    'x-ms-file-rename-replace-if-exists': String(replaces),
    'x-ms-source-allow-trailing-dot': 'true',
    'x-ms-content-type': write.properties.contentType,
    ...kept,
  }
  const path = `${toFilePath(deps.address, name)}?comp=rename`
  const answer = await callFiles(deps, {
    doing,
    request: () => ({ method: 'PUT', path, headers }),
    accepts: [404, 409],
  })
  if (answer.status < 300) return { etag: answer.headers['etag'] ?? '' }
  if (answer.mayRepeat && temporary.id !== '') {
    // An earlier try may have been carried out and its answer lost: then the file is there.
    const head = await headFile(deps, name)
    if (head?.headers['x-ms-file-id'] === temporary.id) return { etag: head.headers['etag'] ?? '' }
  }
  if (!replaces && codeOf(answer) === 'ResourceAlreadyExists') {
    await removeTemporary(deps, temporary.name)
    throw new Fault('transfer_target_exists', `“${name}” exists already in the share.`)
  }
  throw refused(deps, answer, doing)
}

/** Removes a file under a temporary name; it does not matter if it is gone or in use. */
export async function removeTemporary(deps: FilesDeps, name: string): Promise<void> {
  await callFiles(deps, {
    doing: `remove “${name}”`,
    request: () => ({ method: 'DELETE', path: toFilePath(deps.address, name), headers: {} }),
    accepts: [404, 409, 412],
  })
}
