// Saves a tree as a manifest and packs: files whose content the scope holds are named, not sent. keep/
// relies on this: nothing is named that `mayReuse` forbids, and all that was found is told as `reused`.
import { createHash } from 'node:crypto'

import { mapInOrder } from '../archive/in-order.ts'
import { compressFrame } from '../archive/zstd-frame.ts'
import { boundsOf, type KeyDocument, type Named } from '../key-document.ts'
import type { Saved } from '../outcome.ts'
import type { CacheStore } from '../store.ts'
import { indexPieces } from './known.ts'
import { decodeManifest } from './manifest-read.ts'
import { encodeManifest } from './manifest-write.ts'
import { type Manifest, packsOf } from './manifest.ts'
import { readManifest } from './read-manifest.ts'
import { frameRoomBytes, type PlainFrame, readTree, type TreeRead } from './read-tree.ts'
import { createPackSender, type SendDeps } from './send-packs.ts'
import { createMemory, decodeState, encodeState, type StateFile, trustNow } from './state.ts'

/** What saving needs. */
export type PackSaveDeps = SendDeps & {
  now: () => Date
  state: StateFile
}

/** What is saved, over which earlier saves of the same scope: the more they are alike, the less is sent. */
export type PackSaveWish = {
  roots: readonly string[]
  level: number
  /** What tells the scope from all others, for the state. */
  folder: string
  earlier: () => Promise<readonly KeyDocument[]>
}

/** A save, and what `commitKey` has to know of it. */
export type PackSaved = Saved & { reused: string[]; sent: string[] }

const framesUnderWay = 4

/** Saves everything below `roots`; throws `cache_tree_unreadable`, `cache_tree_changed`, and what the store throws. */
export async function savePack(deps: PackSaveDeps, wish: PackSaveWish): Promise<PackSaved> {
  const trustedBeforeMs = trustNow(deps.now())
  const remembered = await recallState(deps.state)
  const isOwn = remembered?.state.folder === wish.folder
  const earlier =
    remembered && isOwn
      ? [remembered.manifest]
      : await readEarlier(deps.store, await wish.earlier())
  const known = indexPieces(earlier, deps.mayReuse)
  const recall = remembered
    ? createMemory(remembered.manifest, remembered.state.trustedBeforeMs)
    : () => undefined

  const sender = createPackSender(deps)
  const free: Buffer[] = []
  const takeBuffer = () => free.pop() ?? Buffer.allocUnsafeSlow(frameRoomBytes)
  const read: { tree?: TreeRead } = {}
  const frames = tell(readTree({ known, recall, takeBuffer }, wish.roots), read)
  const compress = async ({ frame, bytes, buffer }: PlainFrame) => {
    const packed = await compressFrame(bytes, wish.level)
    free.push(buffer)
    return { frame, packed }
  }
  for await (const { frame, packed } of mapInOrder(frames, framesUnderWay, compress)) {
    await sender.add(frame, packed)
  }
  const packs = await sender.end()
  const { manifest = [], newFiles = 0, special = 0 } = read.tree ?? {}
  const written = await writeManifest(deps, manifest)
  const bytes = manifest.reduce((sum, { entry }) => sum + entry.sizeBytes, 0)
  const entries = manifest.length
  const content = { mode: 'pack', manifest: written.named } as const
  const remember = { folder: wish.folder, manifest: written.named, trustedBeforeMs }
  deps.state.write(encodeState({ ...remember, entries, bytes }, written.bytes))

  const sent = [...packs.sent, ...(written.isSent ? [written.named.name] : [])]
  const named = [...packsOf(manifest), written.named.name]
  const reused = named.filter((name) => !sent.includes(name))
  const sentBytes = packs.bytes + (written.isSent ? written.bytes.length : 0)
  return { content, entries, bytes, sentBytes, newFiles, special, reused, sent }
}

// What a generator ends with is lost to `for of`.
function* tell(
  frames: Generator<PlainFrame, TreeRead>,
  read: { tree?: TreeRead },
): Generator<PlainFrame> {
  read.tree = yield* frames
}

async function recallState(file: StateFile) {
  const found = decodeState(file.read())
  if (!found) return undefined
  const { state, manifest: bytes } = found
  if (createHash('sha256').update(bytes).digest('hex') !== state.manifest.sha256) return undefined
  try {
    return { state, manifest: await decodeManifest(bytes, boundsOf(state)) }
  } catch {
    // A hint that nobody understands is none.
    return undefined
  }
}

// What cannot be read is of no use here; whoever restores it is told.
async function readEarlier(
  store: CacheStore,
  documents: readonly KeyDocument[],
): Promise<Manifest[]> {
  const read = await Promise.allSettled(documents.map((document) => readManifest(store, document)))
  return read.flatMap((each) =>
    each.status === 'fulfilled' && each.value ? [each.value.tree] : [],
  )
}

async function writeManifest(
  { store, mayReuse }: SendDeps,
  manifest: Manifest,
): Promise<{ named: Named; bytes: Buffer; isSent: boolean }> {
  const bytes = await encodeManifest(manifest)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const name = `manifests/${sha256}`
  const named = { name, sha256, sizeBytes: bytes.length }
  // Looking is cheaper than sending it for nothing.
  const isThere = mayReuse(name) && (await store.find(name)) !== undefined
  const condition = mayReuse(name) ? 'absent' : 'always'
  const isSent = !isThere && (await writeAny(store, named, { bytes, condition }))
  return { named, bytes, isSent }
}

const mostWholeBytes = 8 * 1024 * 1024

function writeAny(
  store: CacheStore,
  { name, sizeBytes }: Named,
  { bytes, condition }: { bytes: Buffer; condition: 'absent' | 'always' },
): Promise<boolean> {
  if (sizeBytes <= mostWholeBytes) return store.writeWhole(name, bytes, condition)
  async function* pieces() {
    yield bytes
  }
  return store.writeStream(name, pieces(), sizeBytes, condition)
}
