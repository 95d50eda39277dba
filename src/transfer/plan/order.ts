// The order of a web site's publication: a page must not be seen before what it needs, and what old
// pages need must not go before the new pages are there.
import type { Step } from './plan.ts'

// What browsers and readers come to first and what then leads them to everything else: pages, feeds
// and site maps, manifests that name hashed files, and service workers.
const leading = [
  /\.(html?|xhtml|xml|rss|atom|webmanifest)$/i,
  /(^|\/)(feed|manifest|asset-manifest)\.json$/i,
  /(^|\/)(service-?worker|sw|ngsw-worker|firebase-messaging-sw)\.js$/i,
  /(^|\/)ngsw\.json$/i,
]

/** The phases of an upload, each to be waited for: all other files, then leading ones if it is a site, then removals. */
export function toPhases(steps: readonly Step[], { site }: { site: boolean }): Step[][] {
  const moves: Step[] = []
  const pages: Step[] = []
  const removals: Step[] = []
  for (const step of steps) {
    if (step.kind === 'keep') continue
    if (step.kind === 'remove' || step.kind === 'delete') removals.push(step)
    else if (site && isLeading(step.name)) pages.push(step)
    else moves.push(step)
  }
  return [moves, pages, ...toRemovalPhases(removals)].filter((phase) => phase.length > 0)
}

/** Whether a name is one of those that are published last. */
export function isLeading(name: string): boolean {
  return leading.some((pattern) => pattern.test(name))
}

// A folder can go only when what is in it has gone.
function toRemovalPhases(removals: readonly Step[]): Step[][] {
  const byDepth = new Map<number, Step[]>()
  const files: Step[] = []
  for (const step of removals) {
    const isFolder =
      (step.kind === 'remove' && step.file.kind === 'folder') ||
      (step.kind === 'delete' && step.fileKind === 'folder')
    if (!isFolder) {
      files.push(step)
      continue
    }
    const depth = step.name.split('/').length
    byDepth.set(depth, [...(byDepth.get(depth) ?? []), step])
  }
  const depths = [...byDepth.keys()].toSorted((a, b) => b - a)
  return [files, ...depths.map((depth) => byDepth.get(depth) ?? [])]
}
