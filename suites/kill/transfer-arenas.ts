// Where steps are killed: six ways to move a tree, each with a look at what can be seen afterwards.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { MatrixLab } from '../matrix/lab.ts'
import { ours } from '../matrix/lab.ts'
import type { Place } from '../matrix/place.ts'
import { hashOf, type Round } from './transfer-trees.ts'

/** What can be seen: names whose content is neither the old nor the new, and how far a run came. */
export type Look = {
  wrong: string[]
  /** Some files are new, and some are not yet. */
  isMixed: boolean
  /** Everything is as the run was to make it. */
  isNew: boolean
  /** Temporary files. */
  leftovers: string[]
}

/** One way to move a tree again and again. */
export type Arena = {
  title: string
  /** What must be there before the first run. */
  prepare: (first: Round, second: Round) => Promise<void>
  /** A step that brings this version. */
  run: (next: Round) => { settings: Record<string, string>; cwd: string }
  look: (old: Round, next: Round) => Promise<Look>
}

type Seen = {
  contents: Map<string, string>
  /** The digest kept with a name; on disk there is none. */
  digests: Map<string, string>
  leftovers: string[]
}

/** All of them, on this lab, with workspaces below `folder`. */
export function arenas(lab: MatrixLab, folder: string): Arena[] {
  return [
    upload(lab, lab.blob, false),
    download(lab, lab.blob, folder, false),
    upload(lab, lab.blob, true),
    upload(lab, lab.shares, false),
    download(lab, lab.shares, folder, true),
    download(lab, lab.blob, folder, true),
  ]
}

function upload(lab: MatrixLab, place: Place, deletes: boolean): Arena {
  const title = `${deletes ? 'sync up' : 'upload'} (${place.title})`
  const root = title.replaceAll(/[^a-zA-Z]+/g, '-')
  const kept = new Map<string, string>()
  const read = place.service === 'blob' ? blobReader(lab, root) : fileReader(lab, root)
  return {
    title,
    prepare: async () => {},
    run: (next) => ({
      settings: { ...toSettings(place, deletes), source: '.', target: root },
      cwd: next.folder,
    }),
    look: async (old, next) => compare(await read(), { old, next, deletes, kept }),
  }
}

function download(lab: MatrixLab, place: Place, folder: string, deletes: boolean): Arena {
  const title = `${deletes ? 'sync down' : 'download'} (${place.title})`
  const root = title.replaceAll(/[^a-zA-Z]+/g, '-')
  const cwd = join(folder, root)
  const sources = new Map<Round, string>()
  return {
    title,
    prepare: async (...rounds) => {
      mkdirSync(cwd, { recursive: true })
      for (const [index, round] of rounds.entries()) {
        const target = `${root}/v${index}`
        sources.set(round, target)
        const settings = { ...toSettings(place, false), source: '.', target }
        const { exitCode, output } = await lab.step(settings, round.folder)
        if (exitCode !== 0) throw new Error(output)
      }
    },
    run: (next) => ({
      settings: {
        ...toSettings(place, deletes),
        ...(deletes ? { direction: 'down' } : { action: 'download' }),
        source: `${sources.get(next)}/`,
        target: 'out',
      },
      cwd,
    }),
    look: async (old, next) =>
      compare(diskReader(join(cwd, 'out')), { old, next, deletes, kept: new Map() }),
  }
}

function toSettings(place: Place, deletes: boolean): Record<string, string> {
  return {
    ...place.settings,
    ...(deletes ? { action: 'sync', delete: 'true' } : { action: 'upload' }),
  }
}

type Rounds = { old: Round; next: Round; deletes: boolean }

function compare(seen: Seen, { kept, ...rounds }: Rounds & { kept: Map<string, string> }): Look {
  const { contents, leftovers } = seen
  const { old, next, deletes } = rounds
  const wrong = [...wrongDigests(seen, kept), ...wrongContents(seen, rounds)]
  const hasAll = [...next.hashes].every(([name, hash]) => contents.get(name) === hash)
  const isNew = hasAll && (!deletes || contents.size === next.hashes.size)
  // What both versions have, and not alike, tells how far the run came.
  const changed = [...next.hashes].filter(([name, hash]) => {
    const before = old.hashes.get(name)
    return before !== undefined && before !== hash
  })
  const done = changed.filter(([name, hash]) => contents.get(name) === hash).length
  return { wrong, isMixed: done > 0 && done < changed.length, isNew, leftovers }
}

function wrongContents({ contents }: Seen, { old, next, deletes }: Rounds): string[] {
  const wrong = [...contents]
    .filter(([name, hash]) => hash !== old.hashes.get(name) && hash !== next.hashes.get(name))
    .map(([name]) => `${name} is neither old nor new`)
  // The very first run begins with nothing.
  const before = old === next ? [] : [...old.hashes.keys()]
  const gone = before.filter((name) => {
    const mayGo = deletes && !next.hashes.has(name)
    return !contents.has(name) && !mayGo
  })
  return [...wrong, ...gone.map((name) => `${name} is gone`)]
}

function wrongDigests({ contents, digests }: Seen, kept: Map<string, string>): string[] {
  return [...digests].flatMap(([name, digest]) => {
    const hash = contents.get(name) ?? ''
    const usual = kept.get(hash) ?? digest
    kept.set(hash, usual)
    return digest === usual && digest !== '' ? [] : [`${name} has the digest of another content`]
  })
}

// Only what has another ETag than before is read again.
function blobReader({ container }: MatrixLab, root: string): () => Promise<Seen> {
  const known = new Map<string, { etag: string; hash: string }>()
  const prefix = `${root}/`
  return async () => {
    const seen: Seen = { contents: new Map(), digests: new Map(), leftovers: [] }
    for await (const blob of container.listBlobsFlat({ prefix, includeMetadata: true })) {
      const { name, properties, metadata = {} } = blob
      const { etag, contentLength } = properties
      const before = known.get(name)
      const isEmpty = contentLength === 0
      const hash =
        before?.etag === etag
          ? before.hash
          : hashOf(
              isEmpty ? Buffer.alloc(0) : await container.getBlobClient(name).downloadToBuffer(),
            )
      known.set(name, { etag, hash })
      seen.contents.set(name.slice(prefix.length), hash)
      seen.digests.set(name.slice(prefix.length), metadata['asdcrc64'] ?? '')
    }
    for await (const { name } of container.listBlobsFlat({
      prefix,
      includeUncommitedBlobs: true,
    })) {
      const below = name.slice(prefix.length)
      if (!seen.contents.has(below)) seen.leftovers.push(`blocks of ${below}`)
    }
    return seen
  }
}

function fileReader({ files }: MatrixLab, root: string): () => Promise<Seen> {
  return async () => {
    const seen: Seen = { contents: new Map(), digests: new Map(), leftovers: [] }
    for (const [path, { kind, content, metadata }] of files.snapshot(ours.account, ours.share)) {
      if (kind === 'directory' || !path.startsWith(`${root}/`)) continue
      const below = path.slice(root.length + 1)
      if (/(^|\/)\.asd-[^/]*\.tmp$/.test(below)) seen.leftovers.push(below)
      else {
        seen.contents.set(below, hashOf(content))
        seen.digests.set(below, metadata['asdcrc64'] ?? '')
      }
    }
    return seen
  }
}

function diskReader(folder: string): Seen {
  const contents = new Map<string, string>()
  const leftovers: string[] = []
  const digests = new Map<string, string>()
  const visit = (path: string) => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const below = path === '' ? entry.name : `${path}/${entry.name}`
      if (entry.isDirectory()) visit(below)
      else if (/^\..*\.part-\d+-\d+(\.journal)?$/.test(entry.name)) leftovers.push(below)
      else contents.set(below, hashOf(readFileSync(join(folder, below))))
    }
  }
  mkdirSync(folder, { recursive: true })
  visit('')
  return { contents, digests, leftovers }
}
