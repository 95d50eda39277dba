// What a sync removes at its target: what the selection would have taken, had it been in the source.
// Whatever the selection leaves out, at either side, is left alone.
import { Fault } from '../../core/fault.ts'
import type { Moving, Selecting } from '../job.ts'
import { createFilter } from '../select/glob-list.ts'
import { chooseAt, createChoosing, joinName, parseSources, type Source } from '../select/select.ts'

/** Whether a path below the target goes away when the source does not have it. */
export type IsExtra = (below: string) => boolean

type Absolute = (path: string) => string

/**
 * The test for one job; `isSingle` says which sources are a single file and so mean nothing else, and
 * `absolute` makes paths of sources comparable.
 */
export async function createIsExtra(
  { select, naming, protect }: Pick<Moving, 'select' | 'naming' | 'protect'>,
  { isSingle, absolute }: { isSingle: (source: Source) => boolean; absolute: Absolute },
): Promise<IsExtra> {
  const choosing = await createChoosing(select)
  const takes = parseSources(select)
    .filter((source) => !isSingle(source))
    .map((source) => {
      const root = source.pattern?.base ?? source.literal
      return chooseAt(source, { root, absolute }, choosing(source, source.pattern)).keeps
    })
  const isProtected = createFilter(protect, {
    dotfiles: true,
    caseSensitive: select.caseSensitive,
  }).has
  return (below) => {
    // The name may stand for a path that had its front cut off.
    const before = joinName(naming.stripPrefix, below)
    return (
      !isProtected(below) &&
      takes.some((keeps) => keeps(below) && (before === below || keeps(before)))
    )
  }
}

/** Throws when removing is refused: an empty source would remove everything. */
export function assertSourceForDeletes(found: number, { sources }: Selecting): void {
  if (found > 0) return
  throw new Fault(
    'transfer_source_empty',
    `Nothing was found in ${sources.map((source) => `“${source}”`).join(', ')}, so everything at the target would be removed.`,
  )
}

/** Throws `transfer_too_many_removals` when there are more than `maxDelete`. */
export function assertRemovals(count: number, maxDelete: number): void {
  if (count <= maxDelete) return
  throw new Fault(
    'transfer_too_many_removals',
    `${count} files would be removed, and \`max_delete\` is ${maxDelete}: nothing was moved or removed.`,
  )
}

/** Throws `transfer_target_exists` when names are taken that must not be. */
export function assertNoClash(clashes: readonly string[], count: number): void {
  if (clashes.length === 0) return
  const shown = clashes
    .slice(0, 10)
    .map((name) => `“${name}”`)
    .join(', ')
  const more = clashes.length > 10 ? ` and ${clashes.length - 10} more` : ''
  throw new Fault(
    'transfer_target_exists',
    `${clashes.length} of ${count} files exist already in the target: ${shown}${more}.`,
  )
}
