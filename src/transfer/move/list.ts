// Shows what a job means in the remote place, page by page as it comes, so that a hundred thousand
// names need no more memory than one page.
import type { EngineDeps } from '../engine-deps.ts'
import type { ListJob } from '../job.ts'
import type { RemoteFile } from '../remote.ts'
import {
  chooseAt,
  type Chooser,
  createChoosing,
  folderOf,
  joinName,
  lastSegment,
  nothingSkipped,
  parseSources,
  requireFiles,
  type Source,
  unescapeGlob,
} from '../select/select.ts'
import { assertRunning } from './halt.ts'

/** Every file the sources mean, once, in the order of the service; throws when there is none. */
export async function* listJob(deps: EngineDeps, job: ListJob): AsyncGenerator<RemoteFile[]> {
  const choosing = await createChoosing(job.select)
  const sources = parseSources(job.select)
  // Only several sources can mean one file twice.
  const seen = sources.length > 1 ? new Set<string>() : undefined
  let count = 0
  for (const source of sources) {
    const chooserAt = (root: string, glob = source.pattern) =>
      chooseAt(source, { root, absolute: toName }, choosing(source, glob))
    const pages = source.pattern
      ? listBelow(deps, toName(source.pattern.base), source.pattern.prefix, chooserAt)
      : listLiteral(deps, source, chooserAt)
    for await (const page of pages) {
      assertRunning(deps.halt)
      const fresh = seen ? page.filter(({ name }) => !seen.has(name)) : page
      if (seen) for (const { name } of fresh) seen.add(name)
      count += fresh.length
      if (fresh.length > 0) yield fresh
    }
  }
  requireFiles(count, job.select, nothingSkipped())
}

type ChooserAt = (root: string) => Chooser

async function* listLiteral(
  deps: EngineDeps,
  { literal, text }: Source,
  chooserAt: ChooserAt,
): AsyncGenerator<RemoteFile[]> {
  const name = toName(literal)
  const file = name === '' || text.endsWith('/') ? undefined : await deps.remote.stat(name)
  if (file && file.kind !== 'folder') {
    if (chooserAt(folderOf(name)).keepsNamed(lastSegment(name))) yield [file]
    return
  }
  yield* listBelow(deps, name, '', chooserAt)
}

async function* listBelow(
  { remote }: EngineDeps,
  root: string,
  prefix: string,
  chooserAt: ChooserAt,
): AsyncGenerator<RemoteFile[]> {
  const front = root === '' ? '' : joinName(root, '')
  const chooser = chooserAt(root)
  for await (const page of remote.list(front + prefix)) {
    yield page.filter(({ name }) => {
      const below = name.slice(front.length).replace(/(?<=[^/])\/$/, '')
      return below !== '' && chooser.keeps(below)
    })
  }
}

// Names in a remote place have no slash in front, whatever people write.
function toName(path: string): string {
  return unescapeGlob(path).replace(/^\/+/, '')
}
