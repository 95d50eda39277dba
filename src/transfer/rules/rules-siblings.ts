// Files that lie beside another one in compressed form (`app.js.br` beside `app.js`) and are sent in
// its place, so that readers get them with the right type and Content-Encoding.
import type { Compression } from '../job.ts'
import type { Found } from '../select/select.ts'

// The best first: of several siblings one is sent.
const endings: readonly (readonly [ending: string, encoding: Compression])[] = [
  ['.br', 'br'],
  ['.zst', 'zstd'],
  ['.gz', 'gzip'],
]

/**
 * Puts the best compressed sibling in the place of every file that has one: it takes over the path of
 * the plain file and gets its `encoding`; the plain file and other siblings are left out.
 */
export function takeCompressed<File extends Found & { kind: string }>(
  found: readonly File[],
): (File & { encoding?: Compression })[] {
  const files = new Map(
    found.flatMap((file) => (file.kind === 'file' ? [[keyOf(file.root, file.below), file]] : [])),
  )
  const isSpare = new Set<string>()
  const stand = new Map<string, { file: File; encoding: Compression }>()
  for (const [key, { root, below }] of files) {
    const siblings = endings.flatMap(([ending, encoding]) => {
      const file = files.get(keyOf(root, below + ending))
      return file ? [{ file, encoding }] : []
    })
    const [best] = siblings
    if (!best) continue
    stand.set(key, best)
    for (const { file } of siblings) isSpare.add(keyOf(file.root, file.below))
  }
  return found.flatMap((file): (File & { encoding?: Compression })[] => {
    const key = keyOf(file.root, file.below)
    if (file.kind !== 'file') return [file]
    // `a.gz.br` beside `a.gz` beside `a`: what stands for another one is sent once, under that name.
    if (isSpare.has(key)) return []
    const best = stand.get(key)
    return best ? [{ ...best.file, below: file.below, encoding: best.encoding }] : [file]
  })
}

function keyOf(root: string, below: string): string {
  return `${root}\0${below}`
}
