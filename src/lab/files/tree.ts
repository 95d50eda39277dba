// The shares of the lab in memory: directories that keep the case of names and, on SMB shares, do not
// tell cases apart; files with sparse content; links. The bytes of all of them together are bounded.
import type { Clock } from '../../core/time.ts'
import { filesRefusal } from './errors.ts'
import { type Extent, storedBytes } from './sparse.ts'

/** What directories, files and links have in common; times have seven digits of fraction. */
type Common = {
  name: string
  id: string
  etag: string
  modifiedAt: Date
  createdTime: string
  writtenTime: string
  changedTime: string
  metadata: Readonly<Record<string, string>>
  attributes: string
  /** Shown on NFS shares only. */
  mode: string
  owner: string
  group: string
  parent: DirectoryNode | undefined
}

/** A directory; its children by folded name. */
export type DirectoryNode = Common & {
  kind: 'directory'
  children: Map<string, FilesNode>
  /** Children in the order of listings, until one comes or goes. */
  sorted: FilesNode[] | undefined
}

/** A file. */
export type FileNode = Common & {
  kind: 'file'
  sizeBytes: number
  extents: Extent[]
  /** `content-type` and the others as they are answered. */
  httpHeaders: Readonly<Record<string, string>>
  leaseId: string
  copy: { id: string; source: string; time: Date } | undefined
}

/** A symbolic link of an NFS share. */
export type LinkNode = Common & { kind: 'link'; linkText: string }

/** Anything that has a name in a directory. */
export type FilesNode = DirectoryNode | FileNode | LinkNode

/** One share. */
export type Share = {
  name: string
  protocol: 'SMB' | 'NFS'
  root: DirectoryNode
  quotaGiB: number
}

/** All shares of all accounts. */
export type FilesTree = {
  now: Clock
  /** By `account/share`. */
  shares: Map<string, Share>
  heldBytes: number
  maxBytes: number
  lastId: number
}

/** An empty tree. */
export function createTree({ now }: { now: Clock }, maxBytes: number): FilesTree {
  return { now, shares: new Map(), heldBytes: 0, maxBytes, lastId: 0 }
}

/** Makes a share without anything in it. */
export function addShare(
  tree: FilesTree,
  account: string,
  name: string,
  protocol: Share['protocol'],
): Share {
  const key = `${account}/${name}`
  if (tree.shares.has(key)) throw filesRefusal('ShareAlreadyExists')
  const root = newDirectory(tree, '', undefined)
  const share: Share = { name, protocol, root: { ...root, id: '0' }, quotaGiB: 5120 }
  tree.shares.set(key, share)
  return share
}

/** Removes a share with all that is in it. */
export function dropShare(tree: FilesTree, account: string, share: Share): void {
  tree.shares.delete(`${account}/${share.name}`)
  tree.heldBytes -= heldBelow(share.root)
}

/** A directory that is in no other yet. */
export function newDirectory(
  tree: FilesTree,
  name: string,
  parent: DirectoryNode | undefined,
): DirectoryNode {
  const common = newCommon(tree, name, parent, 'Directory', '0755')
  return { ...common, kind: 'directory', children: new Map(), sorted: undefined }
}

/** An empty file that is in no directory yet. */
export function newFile(tree: FilesTree, name: string, parent: DirectoryNode): FileNode {
  const common = newCommon(tree, name, parent, 'Archive', '0664')
  const content = { sizeBytes: 0, extents: [], httpHeaders: {}, leaseId: '', copy: undefined }
  return { ...common, kind: 'file', ...content }
}

/** A link that is in no directory yet. */
export function newLink(
  tree: FilesTree,
  name: string,
  parent: DirectoryNode,
  linkText: string,
): LinkNode {
  return { ...newCommon(tree, name, parent, '', '0777'), kind: 'link', linkText }
}

/** The directory at a path; `ParentNotFound` when one on the way is missing. */
export function findParent(share: Share, segments: readonly string[]): DirectoryNode {
  let directory = share.root
  for (const segment of segments.slice(0, -1)) {
    const next = directory.children.get(foldName(share, segment))
    if (next?.kind !== 'directory') throw filesRefusal('ParentNotFound')
    directory = next
  }
  return directory
}

/** What is at a path; undefined when nothing is, `ParentNotFound` when its directory is missing. */
export function findNode(share: Share, segments: readonly string[]): FilesNode | undefined {
  const name = segments.at(-1)
  if (name === undefined) return share.root
  return findParent(share, segments).children.get(foldName(share, name))
}

/** Puts a node into its directory in the place of what has its name. */
export function attach(share: Share, node: FilesNode): void {
  const { parent } = node
  if (!parent) throw new Error('a root cannot be attached')
  parent.children.set(foldName(share, node.name), node)
  parent.sorted = undefined
}

/** Takes a node out of its directory. */
export function detach(share: Share, node: FilesNode): void {
  const { parent } = node
  if (!parent) throw filesRefusal('CannotDeleteFileOrDirectory')
  parent.children.delete(foldName(share, node.name))
  parent.sorted = undefined
}

/** Replaces a file's extents, within the bound on all bytes. */
export function setExtents(tree: FilesTree, file: FileNode, extents: Extent[]): void {
  const growth = storedBytes(extents) - storedBytes(file.extents)
  if (tree.heldBytes + growth > tree.maxBytes) throw filesRefusal('ShareSizeLimitReached')
  tree.heldBytes += growth
  file.extents = extents
}

/** Gives a node a new ETag; `writes` also moves the time of the last write. */
export function touch(tree: FilesTree, node: FilesNode, writes = false): void {
  tree.lastId += 1
  node.etag = etagOf(tree)
  node.modifiedAt = tree.now()
  node.changedTime = toFilesTime(node.modifiedAt)
  if (writes) node.writtenTime = node.changedTime
}

/** A time as in `x-ms-file-last-write-time`. */
export function toFilesTime(time: Date): string {
  return time.toISOString().replace('Z', '0000Z')
}

/** Names that fold to the same text are the same name: SMB shares do not tell cases apart. */
export function foldName({ protocol }: Pick<Share, 'protocol'>, name: string): string {
  if (protocol === 'NFS') return name
  // Letter by letter, as NTFS does: `ß` stays one letter and does not become `SS`.
  return Array.from(name, (letter) => {
    const upper = letter.toUpperCase()
    return upper.length === letter.length ? upper : letter
  }).join('')
}

function heldBelow(node: FilesNode): number {
  if (node.kind === 'link') return 0
  if (node.kind === 'file') return storedBytes(node.extents)
  return node.children.values().reduce((sum, child) => sum + heldBelow(child), 0)
}

function newCommon(
  tree: FilesTree,
  name: string,
  parent: DirectoryNode | undefined,
  attributes: string,
  mode: string,
): Common {
  tree.lastId += 1
  const modifiedAt = tree.now()
  const time = toFilesTime(modifiedAt)
  return {
    name,
    id: String(11_529_215_046_068_469_760n + BigInt(tree.lastId) * 1_024n),
    etag: etagOf(tree),
    modifiedAt,
    createdTime: time,
    writtenTime: time,
    changedTime: time,
    metadata: {},
    attributes,
    mode,
    owner: '0',
    group: '0',
    parent,
  }
}

function etagOf({ lastId }: FilesTree): string {
  const stamp = 0x8_de0_000_000_000_000n + BigInt(lastId)
  return `"0x${stamp.toString(16).toUpperCase()}"`
}
