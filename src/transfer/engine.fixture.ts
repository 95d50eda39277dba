// What every test of the engine needs: a fake remote place, a folder of its own, and time that passes
// only when somebody waits.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import {
  describeStep,
  type EngineDeps,
  type FileEvent,
  type Outcome,
  planJob,
  runPlan,
} from './engine.ts'
import type { DownloadJob, Selecting, UploadJob } from './job.ts'
import { createHalt } from './move/halt.ts'
import { createSlots } from './move/slots.ts'
import { createFakeRemote, type FakeOptions } from './remote.fixture.ts'

/** A remote place, a folder, and the deps of one run; `again()` gives the deps of another run. */
export function openBench(options: FakeOptions & { connections?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-engine-'))
  const remote = createFakeRemote(options)
  const moved = { bytes: 0 }
  const events: FileEvent[] = []
  let nowMs = Date.UTC(2026, 0, 1)
  const now = () => new Date(nowMs)
  const sleep = async (ms: number, signal?: AbortSignal) => {
    // The grace after a failure is left to the requests that are under way.
    if (ms === 2_000) await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    nowMs += ms
  }
  const again = (pid = 1): EngineDeps => {
    const halt = createHalt({ sleep }, new AbortController().signal)
    let count = 0
    return {
      remote,
      halt,
      pid,
      now,
      slots: createSlots(
        { now, sleep, stopping: halt.stopping },
        { connections: options.connections ?? 8, bytes: 64 * 1024 * 1024 },
      ),
      newId: () => `id-${count++}`,
      onBytes: (bytes) => {
        moved.bytes += bytes
      },
      onFile: (event) => events.push(event),
    }
  }
  return {
    folder,
    remote,
    moved,
    events,
    again,
    deps: again(),
    path: (name: string) => join(folder, name),
    write: (name: string, content: string | Buffer) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    },
    read: (name: string) => readFileSync(join(folder, name)),
    /** Every name below the folder, hidden ones too. */
    tree: () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted(),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** What `openBench` gives. */
export type Bench = ReturnType<typeof openBench>

/** Opens a bench, does the work, and removes its folder. */
export async function withBench(
  work: (bench: Bench) => Promise<void>,
  options: Parameters<typeof openBench>[0] = {},
): Promise<void> {
  const bench = openBench(options)
  try {
    await work(bench)
  } finally {
    bench.deps.halt.abort()
    bench.close()
  }
}

const select: Selecting = {
  sources: [],
  include: [],
  exclude: [],
  dotfiles: false,
  caseSensitive: true,
  symlinks: 'skip',
  emptyFolders: false,
  ifNoFiles: 'error',
}

const moving = {
  integrity: 'crc64',
  overwrite: 'always',
  preserve: false,
  deletes: false,
  maxDelete: 1000,
  protect: [],
} as const

/** An upload of everything in `folder`. */
export function toUpload(
  folder: string,
  more: Partial<Omit<UploadJob, 'select'>> & { select?: Partial<Selecting>; target?: string } = {},
): UploadJob {
  const { target = '', select: chosen, ...rest } = more
  return {
    ...moving,
    action: 'upload',
    select: { ...select, sources: [folder], ...chosen },
    naming: { target, stripPrefix: '', flatten: false },
    rules: [],
    precompressed: false,
    site: false,
    ...rest,
  }
}

/** A download of everything into `folder`. */
export function toDownload(
  folder: string,
  more: Partial<Omit<DownloadJob, 'select'>> & { select?: Partial<Selecting> } = {},
): DownloadJob {
  const { select: chosen, ...rest } = more
  return {
    ...moving,
    action: 'download',
    select: { ...select, sources: ['.'], ...chosen },
    naming: { target: folder, stripPrefix: '', flatten: false },
    decompress: 'auto',
    ...rest,
  }
}

/** Plans and runs one job. */
export async function runJob(
  deps: EngineDeps,
  job: Parameters<typeof planJob>[1],
): Promise<Outcome> {
  return runPlan(deps, await planJob(deps, job))
}

/** A content in which no two ranges are alike. */
export function toContent(sizeBytes: number, seed = 1): Buffer {
  const content = Buffer.alloc(sizeBytes)
  for (let at = 0; at + 8 <= sizeBytes; at += 1024) {
    content.writeUInt32LE(at, at)
    content.writeUInt32LE(seed, at + 4)
  }
  return content
}

/** What a dry run of a job would print, sorted. */
export async function linesOf(bench: Bench, job: Parameters<typeof planJob>[1]): Promise<string[]> {
  const plan = await planJob(bench.again(), job)
  return plan.steps.map((step) => describeStep(step)).toSorted()
}
