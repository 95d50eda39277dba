// What is in the remote place under the names an upload would write, and beyond them: one listing, or
// one question for each of a few names.
import type { EngineDeps } from '../engine-deps.ts'
import { assertRunning } from '../move/halt.ts'
import type { RemoteFile } from '../remote.ts'

/** The remote files of the names asked for, and all others below the target when those were asked for. */
export type Target = { known: Map<string, RemoteFile>; others: RemoteFile[] }

// Asking for each of so few names is cheaper than a listing of whatever lies beside them.
const askAtMost = 8
// Memory of a request without content.
const callBytes = 4096

/** Looks the names up; with `front` also everything else whose name begins with that. */
export async function lookUpTarget(
  deps: EngineDeps,
  names: readonly string[],
  front: string | undefined,
): Promise<Target> {
  const known = new Map<string, RemoteFile>()
  const others: RemoteFile[] = []
  if (front === undefined && names.length <= askAtMost) {
    await Promise.all(
      names.map(async (name) => {
        const file = await deps.remote.stat(name)
        if (file) known.set(name, file)
      }),
    )
    return { known, others }
  }
  const { foldName } = deps.remote
  const wanted = new Map(names.map((name) => [foldName(name), name]))
  for await (const page of deps.remote.list(front ?? commonPrefix(names))) {
    assertRunning(deps.halt)
    for (const file of page) {
      const name = wanted.get(foldName(file.name))
      if (name !== undefined) known.set(name, file)
      else if (front !== undefined) others.push(file)
    }
  }
  return { known, others }
}

/**
 * The same files with everything that is kept beside them. A share's listing does not tell that, so each
 * is asked for; a container's does, and the files are given back as they are.
 */
export async function completeStates(
  deps: EngineDeps,
  files: readonly RemoteFile[],
): Promise<Map<string, RemoteFile>> {
  const states = new Map<string, RemoteFile>()
  for (const file of files) states.set(file.name, file)
  if (deps.remote.kind !== 'files') return states
  await Promise.all(
    files.map(async ({ name }) => {
      const release = await deps.slots.take(callBytes)
      try {
        assertRunning(deps.halt)
        const state = await deps.remote.stat(name)
        if (state) states.set(name, state)
        else states.delete(name)
      } finally {
        release()
      }
    }),
  )
  return states
}

/** The longest text all names begin with. */
export function commonPrefix(names: readonly string[]): string {
  let prefix = names[0] ?? ''
  for (const name of names) {
    let length = 0
    while (length < prefix.length && prefix[length] === name[length]) length += 1
    prefix = prefix.slice(0, length)
  }
  return prefix.toWellFormed() === prefix ? prefix : prefix.slice(0, -1)
}
