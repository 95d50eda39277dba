// A stepped store and an explorer for tests: every call is a point where another participant may go on,
// be killed, or the clock may jump. Two runs that lead to the same state are followed once; versions
// are counted per name, so that what commutes does lead to the same state.
import { hash } from 'node:crypto'

import type { CacheStore, Item, WriteCondition } from '../store.ts'

type Blob = { bytes: string; etag: string; modifiedAtMs: number }

/** All there is in the container, and the service's clock. */
export type World = { blobs: Map<string, Blob>; versions: Map<string, number>; clockMs: number }

/** Gets a call ready and runs it when it is its turn. */
export type Step = <Result>(run: () => Result) => Promise<Result>

/** A participant of a run: real code on a store whose calls are steps. */
export type Participant = (store: CacheStore) => Promise<unknown>

/** An empty container. */
export function createWorld(): World {
  return { blobs: new Map(), versions: new Map(), clockMs: 1_000_000_000 }
}

/** A copy to try something on. */
export function copyWorld({ blobs, versions, clockMs }: World): World {
  return { blobs: new Map(blobs), versions: new Map(versions), clockMs }
}

/** A store on a world; listings come in pages of `pageSize`, each a step. */
export function openSteppedStore(world: World, step: Step, pageSize: number): CacheStore {
  const itemOf = (name: string): Item | undefined => {
    const blob = world.blobs.get(name)
    return (
      blob && {
        name,
        sizeBytes: blob.bytes.length,
        etag: blob.etag,
        modifiedAtMs: blob.modifiedAtMs,
      }
    )
  }
  const put = (name: string, bytes: Buffer, condition: WriteCondition) => {
    const now = world.blobs.get(name)
    if (condition === 'absent' && now) return false
    if (typeof condition === 'object' && now?.etag !== condition.etag) return false
    putBlob(world, name, bytes.toString())
    return true
  }
  return {
    shown: 'stepped',
    list: async function* list(prefix) {
      let after = ''
      for (;;) {
        const last = after
        const page = await step(() =>
          [...world.blobs.keys()]
            .filter((name) => name.startsWith(prefix) && name > last)
            .toSorted()
            .slice(0, pageSize)
            .flatMap((name) => itemOf(name) ?? []),
        )
        yield page
        if (page.length < pageSize) return
        after = page.at(-1)?.name ?? ''
      }
    },
    find: (name) => step(() => itemOf(name)),
    readWhole: (name) =>
      step(() => {
        const item = itemOf(name)
        return item && { item, bytes: Buffer.from(world.blobs.get(name)?.bytes ?? '') }
      }),
    readRange: async () => undefined,
    writeWhole: (name, bytes, condition) => step(() => put(name, bytes, condition)),
    writeStream: async () => false,
    remove: (name, etag) =>
      step(() => {
        if (etag !== undefined && world.blobs.get(name)?.etag !== etag) return false
        return world.blobs.delete(name)
      }),
  }
}

/** Writes a blob now. */
export function putBlob(world: World, name: string, bytes: string): void {
  const version = (world.versions.get(name) ?? 0) + 1
  world.versions.set(name, version)
  world.blobs.set(name, { bytes, etag: `${version}`, modifiedAtMs: world.clockMs })
}

/** What one participant has come to. */
export type Ended = { state: 'running' | 'killed' | 'done'; result?: unknown; calls: number }

/** One thing that may happen next. */
export type Choice = { kind: 'step' | 'kill'; who: number } | { kind: 'jump' }

/** What may happen in a run beside steps. */
export type Dangers = { kills: number; jumps: number; jumpMs: number; pageSize: number }

/** Participants on one world, driven choice by choice. */
export async function openRun(
  world: World,
  participants: readonly Participant[],
  dangers: Dangers,
) {
  let [kills, jumps] = [dangers.kills, dangers.jumps]
  const actors = participants.map((participant) => startActor(world, participant, dangers.pageSize))
  await Promise.all(actors.map(({ settled }) => settled()))
  return {
    world,
    ended: (): Ended[] => actors.map(({ ended }) => ended),
    choices: (): Choice[] => {
      const running = actors.flatMap(({ ended }, who) => (ended.state === 'running' ? [who] : []))
      const list: Choice[] = running.map((who) => ({ kind: 'step', who }))
      if (kills > 0) list.push(...running.map((who): Choice => ({ kind: 'kill', who })))
      if (jumps > 0 && running.length > 0) list.push({ kind: 'jump' })
      return list
    },
    take: async (choice: Choice): Promise<void> => {
      if (choice.kind === 'jump') {
        jumps--
        world.clockMs += dangers.jumpMs
        return
      }
      const actor = actors[choice.who]
      if (!actor) throw new Error(`no participant ${choice.who}`)
      if (choice.kind === 'step') return await actor.go()
      kills--
      actor.ended.state = 'killed'
    },
    /** A text that is the same when everything that can still happen is. */
    fingerprint: (): string =>
      digest(
        JSON.stringify([
          [...world.blobs]
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, { bytes, etag, modifiedAtMs }]) => [name, bytes, etag, modifiedAtMs]),
          [...world.versions].toSorted(([a], [b]) => (a < b ? -1 : 1)),
          actors.map(({ ended, heard }) =>
            // Of one that is over it does not matter any more how it came there.
            ended.state === 'running' ? heard.text : [ended.state, ended.result],
          ),
          [world.clockMs, kills, jumps],
        ]),
      ),
  }
}

function digest(text: string): string {
  return hash('md5', text, 'base64')
}

function startActor(world: World, participant: Participant, pageSize: number) {
  const ended: Ended = { state: 'running', calls: 0 }
  // A participant is a function of what its calls answered.
  const heard = { text: '' }
  let pending: (() => void) | undefined
  let wake: (() => void) | undefined
  const step: Step = (run) =>
    new Promise((resolve) => {
      pending = () => {
        const result = run()
        heard.text = digest(`${heard.text}${JSON.stringify(result) ?? '-'}`)
        ended.calls++
        resolve(result)
      }
      wake?.()
    })
  const settled = () =>
    new Promise<void>((resolve) => {
      if (pending || ended.state === 'done') resolve()
      else wake = resolve
    })
  const end = (result: unknown) => {
    if (ended.state === 'running') Object.assign(ended, { state: 'done', result })
    wake?.()
  }
  participant(openSteppedStore(world, step, pageSize)).then(end, end)
  const go = async () => {
    const run = pending
    pending = undefined
    run?.()
    await settled()
  }
  return { ended, heard, settled, go }
}

/** Runs everything at once, without steps. */
export async function runAlone<Result>(
  world: World,
  participant: (store: CacheStore) => Promise<Result>,
) {
  return await participant(openSteppedStore(world, async (run) => run(), 1000))
}

type Run = Awaited<ReturnType<typeof openRun>>

/** How much was seen; `interleavings` counts the different runs that the followed states stand for. */
export type Explored = { states: number; ends: number; interleavings: bigint }

/** Follows every interleaving to its end; `visit` throws at a state that must not be. */
export async function exploreAll(
  open: () => Promise<Run>,
  visit: (run: Run, isEnd: boolean) => Promise<void>,
): Promise<Explored> {
  const known = new Map<string, { next: string[]; isEnd: boolean }>()
  const todo: { path: Choice[]; from: string }[] = [{ path: [], from: '' }]
  known.set('', { next: [], isEnd: false })
  for (let branch = todo.pop(); branch; branch = todo.pop()) {
    const run = await open()
    const path = [...branch.path]
    for (const choice of path) await run.take(choice)
    let from = branch.from
    for (;;) {
      const print = run.fingerprint()
      known.get(from)?.next.push(print)
      if (known.has(print)) break
      const choices = run.choices()
      known.set(print, { next: [], isEnd: choices.length === 0 })
      await visit(run, choices.length === 0)
      const [first, ...others] = choices
      if (!first) break
      for (const other of others) todo.push({ path: [...path, other], from: print })
      path.push(first)
      from = print
      await run.take(first)
    }
  }
  return countRuns(known)
}

function countRuns(known: ReadonlyMap<string, { next: string[]; isEnd: boolean }>): Explored {
  const counts = new Map<string, bigint>()
  const stack = ['']
  while (stack.length > 0) {
    const print = stack.at(-1) ?? ''
    const { next, isEnd } = known.get(print) ?? { next: [], isEnd: true }
    const missing = next.filter((each) => !counts.has(each))
    if (missing.length > 0) stack.push(...missing)
    else {
      stack.pop()
      counts.set(print, isEnd ? 1n : next.reduce((sum, each) => sum + (counts.get(each) ?? 0n), 0n))
    }
  }
  const ends = [...known.values()].filter(({ isEnd }) => isEnd).length
  return { states: known.size - 1, ends, interleavings: counts.get('') ?? 0n }
}
