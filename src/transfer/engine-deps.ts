// What the engine needs from outside, and what it hands back: the words all its files share.
import type { Clock } from '../core/time.ts'
import type { BufferPool } from './move/buffers.ts'
import type { Halt } from './move/halt.ts'
import type { Failure } from './move/schedule.ts'
import type { Slots } from './move/slots.ts'
import type { StepKind } from './plan/plan.ts'
import type { Digests, Remote } from './remote.ts'

/** One file that was moved. */
export type DoneFile = {
  name: string
  sizeBytes: number
  etag: string
  digests: Digests
  versionId?: string
}

/** What happened to one step, for lists that are shown while a job runs. */
export type FileEvent = { kind: StepKind; name: string; sizeBytes: number }

/** A remote place, room on the wire, an end, and ears for progress. */
export type EngineDeps = {
  remote: Remote
  slots: Slots
  halt: Halt
  newId: () => string
  pid: number
  now: Clock
  /** Is told of bytes as they have arrived, or need not be sent again. */
  onBytes: (count: number) => void
  /** Is told of every step that is done. */
  onFile?: (event: FileEvent) => void
}

/** The same with the buffers of one run. */
export type MoveDeps = EngineDeps & { pool: BufferPool }

/** What a run came to. */
export type Outcome = {
  /** Steps done, by kind. */
  counts: Record<StepKind, number>
  /** Of the files that were sent or fetched. */
  bytes: number
  failures: Failure[]
  /** Steps not begun or not finished because another one failed. */
  notDone: number
  /** The files that were sent or fetched. */
  done: DoneFile[]
}

/** Bytes that are read, hashed and written in one go. */
export const pieceBytes = 256 * 1024

/** Remote files up to this length come in one request; longer ones in ranges of it. */
export const rangeBytes = 8 * 1024 * 1024

/** Memory a streamed request holds: our piece and about as much on its way through TLS. */
export const streamCostBytes = 2 * pieceBytes
