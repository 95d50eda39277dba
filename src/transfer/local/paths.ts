// Turns a blob name into path segments that cannot lead outside the target folder. The container is
// not trusted: whoever may write to it must not write to the build machine.
import { Fault } from '../../core/fault.ts'

/** The segments of a path below the target; a Fault when it would leave it or cannot be kept. */
export function toSafeSegments(below: string): string[] {
  if (below.includes('\0')) throw unsafe(below, 'it contains a NUL byte')
  if (below.startsWith('/')) throw unsafe(below, 'it is an absolute path')
  const segments = below.split('/')
  for (const segment of segments) {
    if (segment === '..' || segment === '.')
      throw unsafe(below, `it contains the segment “${segment}”`)
    if (segment === '') throw invalid(below, 'it contains an empty segment')
    if (!segment.isWellFormed()) throw invalid(below, 'it is not valid Unicode')
    if (Buffer.byteLength(segment) > 255) throw invalid(below, 'a segment is longer than 255 bytes')
  }
  return segments
}

function unsafe(name: string, why: string): Fault {
  return new Fault(
    'transfer_path_unsafe',
    `The blob name “${name}” would be written outside the target folder: ${why}.`,
  )
}

function invalid(name: string, why: string): Fault {
  return new Fault(
    'transfer_name_invalid',
    `The blob name “${name}” cannot be a file name: ${why}.`,
  )
}
