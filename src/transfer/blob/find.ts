// Finds the blobs a source means, by the rule files follow: a name is a blob, or a folder when blobs
// lie below it, or a pattern.
import { Fault } from '../../core/fault.ts'
import { isDotted, lastSegment, nothingSkipped, type Selection, type Source } from '../select.ts'
import type { BlobClient } from './client.ts'

/** A blob to be read, as the search saw it. */
export type FoundBlob = { name: string; sizeBytes: number }

/** Every blob one source means; an existing blob is taken literally before it is a pattern. */
export async function findBlobs(
  client: BlobClient,
  source: Source,
  { dotfiles }: { dotfiles: boolean },
): Promise<Selection<FoundBlob>> {
  const { literal, pattern } = source
  const exact = source.text.endsWith('/') ? undefined : await findExactly(client, literal)
  if (exact) {
    return { found: [{ place: exact, below: lastSegment(literal) }], skipped: nothingSkipped() }
  }
  if (!pattern) return findBelow(client, literal, '', (below) => dotfiles || !isDotted(below))
  return findBelow(client, pattern.base, pattern.prefix, pattern.matches)
}

async function findExactly(client: BlobClient, name: string): Promise<FoundBlob | undefined> {
  if (name === '') return undefined
  try {
    const state = await client.head(name)
    return state && !state.isFolder ? { name, sizeBytes: state.sizeBytes } : undefined
  } catch (error) {
    // A role may allow what is below a folder and not a blob of the folder's own name.
    if (error instanceof Fault && error.code === 'azure_storage_role_missing') return undefined
    throw error
  }
}

async function findBelow(
  client: BlobClient,
  base: string,
  prefix: string,
  keeps: (below: string) => boolean,
): Promise<Selection<FoundBlob>> {
  const selection: Selection<FoundBlob> = { found: [], skipped: nothingSkipped() }
  const folder = base === '' ? '' : `${base}/`
  for await (const page of client.list(`${folder}${prefix}`)) {
    for (const { name, sizeBytes, isFolder } of page) {
      const below = name.slice(folder.length)
      const isMarker = isFolder || (sizeBytes === 0 && name.endsWith('/'))
      if (isMarker) continue
      if (keeps(below)) selection.found.push({ place: { name, sizeBytes }, below })
      else if (isDotted(below)) selection.skipped.dotted++
    }
  }
  return selection
}
