// Manifests as bytes: columns in JSON, hashes as they are, one frame of zstd around both. The same tree in
// the same packs gives the same bytes. manifest-read.ts is the other direction.
import { compressFrame } from '../archive/zstd-frame.ts'
import type { EntryKind } from '../tree/entry.ts'
import type { Frame, Manifest, Piece } from './manifest.ts'

/** Letters of the kinds, in the column of kinds. */
export const kindLetters: Readonly<Record<EntryKind, string>> = {
  file: 'f',
  folder: 'd',
  symlink: 's',
  hardlink: 'h',
}

/** What the bytes begin with; the length of the JSON follows the length of what is compressed. */
export const manifestMagic = 'ASDM0001'

/** Length of everything in front of the compressed part. */
export const manifestHeadBytes = 16

/** The columns; every row of `frames` and `pieces` is numbered by its place. */
export type Columns = {
  packs: string[]
  /** Pack, offset, packed and plain bytes. */
  frames: [number[], number[], number[], number[]]
  /** Frame, offset and length; their hashes follow the JSON. */
  pieces: [number[], number[], number[]]
  roots: number[]
  /** How many characters a path has in common with the one before it, and the others. */
  shared: number[]
  paths: string[]
  kinds: string
  modes: number[]
  times: number[]
  /** Number of pieces of each entry, and the pieces of all. */
  counts: number[]
  refs: number[]
  /** Of links, in order. */
  targets: string[]
}

const level = 3

/** Encodes a tree. */
export async function encodeManifest(manifest: Manifest): Promise<Buffer> {
  const { columns, hashes } = toColumns(manifest)
  const json = Buffer.from(JSON.stringify(columns))
  const plain = Buffer.concat([json, ...hashes.map((hash) => Buffer.from(hash, 'hex'))])
  const head = Buffer.alloc(manifestHeadBytes)
  head.write(manifestMagic, 'latin1')
  head.writeUInt32LE(plain.length, 8)
  head.writeUInt32LE(json.length, 12)
  return Buffer.concat([head, await compressFrame(plain, level)])
}

function toColumns(manifest: Manifest): { columns: Columns; hashes: string[] } {
  const columns: Columns = {
    packs: [],
    frames: [[], [], [], []],
    pieces: [[], [], []],
    roots: [],
    shared: [],
    paths: [],
    kinds: '',
    modes: [],
    times: [],
    counts: [],
    refs: [],
    targets: [],
  }
  const hashes: string[] = []
  const packs = createNumbering((pack: string) => columns.packs.push(pack))
  const frames = createNumbering((_: string, frame: Frame) => {
    const [pack, offset, packed, plain] = columns.frames
    pack.push(packs(frame.pack, frame.pack))
    offset.push(frame.offset)
    packed.push(frame.packedBytes)
    plain.push(frame.plainBytes)
  })
  const pieces = createNumbering((sha256: string, piece: Piece) => {
    const [frame, offset, size] = columns.pieces
    frame.push(frames(`${piece.frame.pack} ${piece.frame.offset}`, piece.frame))
    offset.push(piece.offset)
    size.push(piece.sizeBytes)
    hashes.push(sha256)
  })
  const kinds: string[] = []
  let before = ''
  for (const { entry, pieces: own } of manifest) {
    const shared = sharedLength(before, entry.path)
    columns.roots.push(entry.root)
    columns.shared.push(shared)
    columns.paths.push(entry.path.slice(shared))
    kinds.push(kindLetters[entry.kind])
    columns.modes.push(entry.mode)
    columns.times.push(entry.modifiedAtMs)
    columns.counts.push(own.length)
    for (const piece of own) columns.refs.push(pieces(piece.sha256, piece))
    if (entry.kind === 'symlink' || entry.kind === 'hardlink') columns.targets.push(entry.target)
    before = entry.path
  }
  columns.kinds = kinds.join('')
  return { columns, hashes }
}

// Numbers things by the order in which they come first.
function createNumbering<Value>(add: (key: string, value: Value) => void) {
  const numbers = new Map<string, number>()
  return (key: string, value: Value): number => {
    const known = numbers.get(key)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(key, number)
    add(key, value)
    return number
  }
}

function sharedLength(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let at = 0
  while (at < most && one.charCodeAt(at) === other.charCodeAt(at)) at += 1
  return at
}
