// Turns a remote name into path segments that cannot lead outside the target folder, and says whether
// a kept link would. The remote place is not trusted: whoever may write to it must not write to the
// build machine.
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

/**
 * Why a link at `below` with this target could lead out of the folder both lie in; undefined when it
 * cannot, whatever other links of this kind are around. Names are compared, nothing is looked up.
 */
export function whyLinkLeaves(below: string, target: string): string | undefined {
  if (target === '') return 'its target is empty'
  if (target.includes('\0')) return 'its target contains a NUL byte'
  if (!target.isWellFormed()) return 'its target is not valid Unicode'
  if (Buffer.byteLength(target) > 4095) return 'its target is longer than 4,095 bytes'
  if (target.startsWith('/')) return 'its target is an absolute path'
  const steps = target.split('/').filter((step) => step !== '' && step !== '.')
  const climbs = steps.findIndex((step) => step !== '..')
  const height = climbs < 0 ? steps.length : climbs
  if (height > below.split('/').length - 1) return 'its target lies outside of the source'
  // After a name `..` goes up from wherever that name leads, if it is a link itself.
  if (steps.slice(height).includes('..')) return 'its target goes down and then up again'
  return undefined
}

function unsafe(name: string, why: string): Fault {
  return new Fault(
    'transfer_path_unsafe',
    `The name “${name}” would be written outside the target folder: ${why}.`,
  )
}

function invalid(name: string, why: string): Fault {
  return new Fault('transfer_name_invalid', `“${name}” cannot be a file name here: ${why}.`)
}
