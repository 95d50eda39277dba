// Names in a file share: what may stand in a path, which names are the same to a share that does not
// tell cases apart, and paths on the wire (Azure Files REST, "Naming and referencing shares,
// directories, files, and metadata").
import { createHash } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import { type ContainerAddress, encodeBlobName, toContainerPath } from '../blob/names.ts'

/** Where a share is: as for a container, and `container` is the share's name. */
export type ShareAddress = ContainerAddress

const maxPathLength = 2048
const maxSegmentLength = 255
const maxDepth = 250
// Windows takes these for devices, with any extension.
const deviceForm = /^(?:CON|PRN|AUX|NUL|CLOCK\$|(?:COM|LPT)[1-9])$/i
// A big file grows under such a name beside its target.
const temporaryForm = /^\.asd-[0-9a-f]{16}-[0-9a-f]{16}\.tmp$/

/** The path of a file or folder on the wire; the share's own for the empty name. */
export function toFilePath(address: ShareAddress, name: string): string {
  const share = toContainerPath(address)
  return name === '' ? share : `${share}/${encodeBlobName(name)}`
}

/** The folder a name is in, without a slash at the end; empty for the share itself. */
export function folderOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('/'), 0))
}

/** The last segment of a name. */
export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** Throws `transfer_name_invalid` for names that a file share cannot keep. */
export function assertFileName(name: string): void {
  const refuse = (why: string) =>
    new Fault('transfer_name_invalid', `“${name}” cannot be a name in a file share: ${why}.`)
  if (!name.isWellFormed()) throw refuse('it is not well-formed Unicode')
  if (name.length > maxPathLength) throw refuse('its path is longer than 2,048 characters')
  const segments = name.split('/')
  if (segments.length > maxDepth) throw refuse('it lies more than 250 folders deep')
  for (const segment of segments) {
    if (segment === '') throw refuse('a part of it is empty')
    if (segment === '.' || segment === '..') throw refuse('it contains the segment “.” or “..”')
    if (segment.length > maxSegmentLength) {
      throw refuse('a part of it is longer than 255 characters')
    }
    const reserved = /["\\:|<>*?]/.exec(segment)?.[0]
    if (reserved !== undefined) throw refuse(`“${reserved}” is reserved`)
    if (/\p{Cc}/u.test(segment)) throw refuse('it contains a control character')
    if (deviceForm.test(segment)) throw refuse(`“${segment}” is the name of a device`)
    if (temporaryForm.test(segment)) throw refuse('such names are for uploads under way')
  }
}

/** Names with the same folded form are one name to a share: cases are kept and not told apart. */
export function foldFileName(name: string): string {
  // Letter by letter, as NTFS does: `ß` stays one letter and does not become `SS`.
  return Array.from(name, (letter) => {
    const upper = letter.toUpperCase()
    return upper.length === letter.length ? upper : letter
  }).join('')
}

/** The names under which versions of one target grow: what all of them begin with, and this one's. */
export function temporaryNames(
  name: string,
  sourceId: string,
): { folder: string; prefix: string; name: string } {
  const folder = folderOf(name)
  const prefix = `.asd-${shortHash(name)}-`
  const base = `${prefix}${shortHash(sourceId)}.tmp`
  return { folder, prefix, name: folder === '' ? base : `${folder}/${base}` }
}

/** Whether the last segment of a name is that of an upload under way. */
export function isTemporaryName(base: string): boolean {
  return temporaryForm.test(base)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
