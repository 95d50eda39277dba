// Files that hold secrets: mode 0600, there whole or not at all, whatever moment the process dies at.
import { randomUUID } from 'node:crypto'
import { link, lstat, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { Fault, messageOf } from '../core/fault.ts'

/** The text of a file that nobody else may read; undefined when there is none, else keys_unreadable. */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file)
    if ((mode & 0o077) !== 0) throw new Error('others may read it; it must have mode 0600')
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isAbsence(cause) && !(await isThere(file))) return undefined
    throw unusable(file, messageOf(cause), cause)
  }
}

/** Makes a file; when somebody else was faster, theirs stays. Throws keys_unreadable. */
export async function createPrivateFile(file: string, content: string): Promise<void> {
  await writeThrough(file, content, async (draft) => {
    await link(draft, file).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    })
  })
}

/** Replaces a file, or makes it; only under a lock, for drafts of others are removed. Throws keys_unreadable. */
export async function replacePrivateFile(file: string, content: string): Promise<void> {
  await removeDrafts(file)
  // A link stays a link: what it names is replaced.
  const target = await realpath(file).catch(() => file)
  await writeThrough(target, content, (draft) => rename(draft, target))
}

/** What tells one version of a file from another without reading it; empty when it cannot be seen. */
export async function versionOf(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, size, mode } = await stat(file)
    return [ino, mtimeMs, size, mode].join(' ')
  } catch {
    return ''
  }
}

/** The fault of a file that cannot be used; `why` must quote nothing of it. */
export function unusable(file: string, why: string, cause?: unknown, hint?: string): Fault {
  const sentence = `The key file ${file} cannot be used: ${why}.`
  return new Fault('keys_unreadable', sentence, { cause, ...(hint !== undefined && { hint }) })
}

async function writeThrough(
  file: string,
  content: string,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    await writeDurably(draft, content)
    await publish(draft)
    await syncFolder(dirname(file))
  } catch (cause) {
    throw unusable(file, `it cannot be written: ${messageOf(cause)}`, cause)
  } finally {
    await rm(draft, { force: true })
  }
}

async function writeDurably(draft: string, content: string): Promise<void> {
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// The new name is on disk only when its folder is.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// A process that was killed between writing and renaming leaves private keys behind.
async function removeDrafts(file: string): Promise<void> {
  const target = await realpath(file).catch(() => file)
  const names = await readdir(dirname(target)).catch(() => [])
  const drafts = names.filter(
    (name) => name.startsWith(`${basename(target)}.`) && name.endsWith('.new'),
  )
  await Promise.all(drafts.map((name) => rm(join(dirname(target), name), { force: true })))
}

function isAbsence(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
}

// A link that leads nowhere is there, and no place for new keys.
async function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  )
}
