// What a symbolic link below a source comes to: nothing, a kept link, or what it leads to. A link in a
// checkout must not send what lies outside of it, and a loop must not send for ever.
import type { Stats } from 'node:fs'
import { lstat, readlink, realpath } from 'node:fs/promises'

import { Fault } from '../../core/fault.ts'
import { readingFault, systemCode } from './faults.ts'
import { type LocalFile, type Place, type Search, toLocalFile } from './find-search.ts'
import { whyLinkLeaves } from './paths.ts'

/** A folder on the way down: its real path, once somebody had to know it, and the one above. */
export type Way = { path: string; real?: string; above?: Way }

/** What a followed link leads to; a folder still has to be looked into. */
export type Followed =
  | { kind: 'file'; file: LocalFile }
  | { kind: 'folder'; real: string; stats: Stats }
  | { kind: 'special' }

/** The link itself; a Fault `transfer_link_refused` when it leads out of the source. */
export async function keepLink(search: Search, at: Place, stats: Stats): Promise<LocalFile> {
  const linkTarget = await guarded(at.path, () => readlink(at.path))
  const why = whyLinkLeaves(at.below, linkTarget)
  if (why !== undefined) throw refused(at.path, linkTarget, why)
  return {
    ...toLocalFile({ ...at, root: search.root }, stats),
    kind: 'link',
    sizeBytes: Buffer.byteLength(linkTarget),
    linkTarget,
  }
}

/** What the link leads to, inside of the real folder `within`; loops and other places are refused. */
export async function followLink(
  search: Search,
  at: Place,
  { way, within }: { way: Way; within: string },
): Promise<Followed> {
  const real = await resolveLink(at.path)
  if (real !== within && !real.startsWith(within === '/' ? '/' : `${within}/`)) {
    throw refused(at.path, real, 'that lies outside of the source')
  }
  const stats = await guarded(real, () => lstat(real))
  if (stats.isFile()) {
    return { kind: 'file', file: toLocalFile({ ...at, path: real, root: search.root }, stats) }
  }
  if (!stats.isDirectory()) return { kind: 'special' }
  for (let each: Way | undefined = way; each; each = each.above) {
    if ((await realOf(each)) === real) {
      throw refused(at.path, real, 'that is a folder the link lies in, so it would never end')
    }
  }
  return { kind: 'folder', real, stats }
}

/** The real path of a folder on the way; asked for once. */
export async function realOf(way: Way): Promise<string> {
  const known = way.real ?? (await guarded(way.path, () => realpath(way.path)))
  way.real = known
  return known
}

async function resolveLink(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = systemCode(error)
    const target = await guarded(path, () => readlink(path))
    if (code === 'ENOENT' || code === 'ENOTDIR') throw refused(path, target, 'nothing is there')
    if (code === 'ELOOP') throw refused(path, target, 'it leads back to itself')
    throw readingFault(error, path)
  }
}

function refused(path: string, target: string, why: string): Fault {
  return new Fault(
    'transfer_link_refused',
    `“${path}” is a symbolic link to “${target.toWellFormed()}”: ${why}.`,
  )
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw readingFault(error, path)
  }
}
