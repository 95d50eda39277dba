// What we upload is read by AzCopy, rclone and the official SDKs, and the other way round: names,
// lengths, empty files and folders, 300 MB, 50,000 files; compared by SHA-256.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case, Scene } from '../matrix/case.ts'
import { ours } from '../matrix/lab.ts'
import {
  dotted,
  hashFiles,
  hashTree,
  longPath,
  noise,
  oddLengths,
  oddNames,
  writeFiles,
} from './corpus.ts'
import type { Tools } from './tools.ts'

const bigBytes = 300_000_000

type Files = ReadonlyMap<string, Buffer>

/** Reads or writes everything below a prefix with a tool. */
type Peer = {
  name: string
  services: readonly ('blob' | 'files')[]
  fetch: (scene: Scene, root: string, folder: string) => Promise<Record<string, string>>
  send: (scene: Scene, folder: string, root: string, files: Files) => Promise<void>
  /** Names it cannot keep or read itself. */
  cannot?: (name: string, service: 'blob' | 'files') => boolean
}

/** The cases, with these tools. */
export function interopRows(tools: Tools): Case[] {
  const peers = [sdkPeer(), azcopyPeer(tools), rclonePeer(tools)]
  return [
    ...peers.flatMap((peer) =>
      peer.services.map((service): Case => ({
        row: `Interop with ${peer.name}`,
        aspect: 'odd names and lengths',
        on: service,
        run: (scene) => exchange(scene, peer),
      })),
    ),
    { row: 'Interop', aspect: '300 MB', on: 'both', run: (scene) => moveBig(scene, peers) },
    {
      row: 'Interop',
      aspect: 'empty folders',
      on: 'both',
      run: (scene) => moveFolders(scene, tools),
    },
    {
      row: 'Interop',
      aspect: '50,000 files',
      on: 'files',
      run: (scene) => moveMany(scene, snapshotPeer(), 50_000),
    },
    {
      row: 'Interop',
      aspect: '5,000 files, read by rclone',
      on: 'blob',
      run: (scene) => moveMany(scene, rclonePeer(tools), 5_000),
    },
  ]
}

const all = { dotfiles: 'true' }

async function exchange(scene: Scene, peer: Peer): Promise<void> {
  const { root, workspace, fine, place } = scene
  const everything = [...namesFor(scene), ...oddLengths()]
  const files = new Map(everything.filter(([name]) => !peer.cannot?.(name, place.service)))
  const folder = workspace()
  writeFiles(join(folder, 'src'), files)
  const expected = hashFiles(files)
  const [mine, theirs] = [`${root}/ours`, `${root}/them`]
  await fine({ action: 'upload', source: 'src', target: mine, ...all }, folder)
  const read = await peer.fetch(scene, mine, join(folder, 'read'))
  assert.deepEqual(read, expected, `${peer.name} reads what we sent`)

  await peer.send(scene, join(folder, 'src'), theirs, files)
  const back = { source: `${theirs}/`, target: 'back', ...all }
  await fine({ action: 'download', ...back }, folder)
  assert.deepEqual(hashTree(join(folder, 'back')), expected, `we read what ${peer.name} sent`)
  await fine({ action: 'sync', direction: 'down', delete: 'true', ...back }, folder)
  assert.deepEqual(hashTree(join(folder, 'back')), expected, 'and a sync leaves it so')
  rmSync(folder, { recursive: true })
  await fine({ action: 'remove', source: `${root}/`, ...all }, workspace())
  assert.deepEqual(await place.list(root), [])
}

async function moveBig(scene: Scene, peers: readonly Peer[]): Promise<void> {
  const { root, workspace, fine, place } = scene
  const files = new Map([['big.bin', noise(bigBytes, 3)]])
  const expected = hashFiles(files)
  const folder = workspace()
  writeFiles(join(folder, 'src'), files)
  await fine({ action: 'upload', source: 'src', target: `${root}/ours` }, folder)
  for (const [index, peer] of peers.entries()) {
    if (!peer.services.includes(place.service)) continue
    const [read, back] = [join(folder, `read-${index}`), join(folder, `back-${index}`)]
    const found = await peer.fetch(scene, `${root}/ours`, read)
    assert.deepEqual(found, expected, `${peer.name} reads what we sent`)
    const theirs = `${root}/them-${index}`
    await peer.send(scene, join(folder, 'src'), theirs, files)
    await fine({ action: 'download', source: `${theirs}/`, target: back }, folder)
    assert.deepEqual(hashTree(back), expected, `we read what ${peer.name} sent`)
    for (const done of [read, back]) rmSync(done, { recursive: true, force: true })
  }
  rmSync(folder, { recursive: true })
  await fine({ action: 'remove', source: `${root}/` }, workspace())
}

// A path of 1,024 bytes is as long as a blob's may be, the two folders in front included.
function namesFor({ place, root }: Scene): Files {
  const files = oddNames(place.service, dotted)
  const front = `${root}/ours/`.length
  return new Map([...files, [longPath(1024 - front), Buffer.from('long')]])
}

function sdkPeer(): Peer {
  return {
    name: 'the official SDKs',
    services: ['blob', 'files'],
    fetch: async ({ place }, root) => {
      const found: [string, Buffer][] = []
      for (const name of await place.list(root)) {
        const seen = await place.get(name)
        found.push([name.slice(root.length + 1), seen?.content ?? Buffer.alloc(0)])
      }
      return hashFiles(found)
    },
    send: async ({ place }, _folder, root, files) => {
      for (const [name, content] of files) await place.put(`${root}/${name}`, content)
    },
  }
}

// The lab's own view: a tool would take minutes to read so many.
function snapshotPeer(): Pick<Peer, 'name' | 'fetch'> {
  return {
    name: 'the lab',
    fetch: ({ lab }, root) => {
      const files = [...lab.files.snapshot(ours.account, ours.share)]
        .filter(([path, { kind }]) => kind === 'file' && path.startsWith(`${root}/`))
        .map(([path, { content }]): [string, Buffer] => [path.slice(root.length + 1), content])
      return Promise.resolve(hashFiles(files))
    },
  }
}

function azcopyPeer(tools: Tools): Peer {
  return {
    name: 'AzCopy',
    services: ['blob', 'files'],
    fetch: async ({ place }, root, folder) => {
      const url = tools.azcopyUrl(place.service, root)
      await tools.azcopy(['copy', `${url}/*`, folder, '--recursive', '--log-level', 'NONE'])
      return hashTree(folder)
    },
    send: async ({ place }, folder, root) => {
      const url = tools.azcopyUrl(place.service, root)
      await tools.azcopy(['copy', `${folder}/*`, url, '--recursive', '--log-level', 'NONE'])
    },
    // It takes this for a slash that it has escaped itself.
    cannot: (name, service) => service === 'files' && name.includes('%2F'),
  }
}

function rclonePeer(tools: Tools): Peer {
  return {
    name: 'rclone',
    services: ['blob'],
    fetch: async (_scene, root, folder) => {
      await tools.rclone(['copy', tools.rcloneUrl(root), folder, '--transfers', '32'])
      return hashTree(folder)
    },
    send: async (_scene, folder, root) => {
      await tools.rclone(['copy', folder, tools.rcloneUrl(root)])
    },
    // A dot at the end of a segment is another character for it, also when it reads.
    cannot: (name) => /\.(\/|$)/.test(name),
  }
}

async function moveFolders(scene: Scene, tools: Tools): Promise<void> {
  const { root, workspace, fine, place } = scene
  const folder = workspace({ 'src/full/a.txt': 'a', 'src/zero.dat': '' })
  mkdirSync(join(folder, 'src/hollow/deep'), { recursive: true })
  const expected = hashTree(join(folder, 'src'))
  const keep = { empty_folders: 'true' }
  await fine({ action: 'upload', source: 'src', target: `${root}/ours`, ...keep }, folder)
  await fine({ action: 'download', source: `${root}/ours/`, target: 'back', ...keep }, folder)
  assert.deepEqual(hashTree(join(folder, 'back')), expected)
  const url = tools.azcopyUrl(place.service, `${root}/ours`)
  const theirs = tools.azcopyUrl(place.service, `${root}/them`)
  const stubs = place.service === 'blob' ? ['--include-directory-stub=true'] : []
  await tools.azcopy(['copy', `${url}/*`, join(folder, 'azcopy'), '--recursive', ...stubs])
  const read = hashTree(join(folder, 'azcopy'))
  // Of a container AzCopy makes no folders on disk; it must not take ours for files either.
  const { 'hollow/deep': _, ...filesOnly } = expected
  assert.deepEqual(read, place.service === 'blob' ? filesOnly : expected, 'AzCopy reads ours')
  await tools.azcopy(['copy', `${folder}/src/*`, theirs, '--recursive', ...stubs])
  await fine({ action: 'download', source: `${root}/them/`, target: 'them', ...keep }, folder)
  assert.deepEqual(hashTree(join(folder, 'them')), expected, 'we read folders of AzCopy')
}

async function moveMany(
  scene: Scene,
  reader: Pick<Peer, 'name' | 'fetch'>,
  count: number,
): Promise<void> {
  const { root, workspace, fine, place } = scene
  const folder = workspace()
  const files = new Map<string, Buffer>()
  for (let index = 0; index < count; index += 1) {
    files.set(`d${Math.floor(index / 500)}/f${index}.txt`, Buffer.from(String(index)))
  }
  writeFiles(join(folder, 'src'), files)
  const up = { source: 'src', target: root }
  const log = await fine({ action: 'upload', ...up }, folder)
  assert.match(log, new RegExp(`^uploaded ${count.toLocaleString('en-US')} files, `, 'm'))
  assert.equal((await place.list(root)).length, count)
  const read = await reader.fetch(scene, root, join(folder, 'read'))
  assert.deepEqual(read, hashFiles(files), `${reader.name} reads what we sent`)
  assert.match(await fine({ action: 'sync', ...up }, folder), /^synced 0 files, /m)
  rmSync(folder, { recursive: true })
}
