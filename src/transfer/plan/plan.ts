// What a job comes to before the first byte moves: one step for every name, with the reason a dry run
// prints.
import { toPlainLine } from '../../azure/plain-line.ts'
import type { Compression, Job } from '../job.ts'
import type { Attributes, Condition, Properties, RemoteFile, Write } from '../remote.ts'
import type { Skipped } from '../select/select.ts'

/** Why a content is moved. */
export type MoveReason = 'new' | 'changed' | 'newer' | 'always'

/** A file on disk becomes a remote one. */
export type SendStep = {
  kind: 'send'
  name: string
  path: string
  sizeBytes: number
  why: MoveReason
  condition: Condition
  properties: Properties
  attributes: Attributes
  compress?: Compression
}

/** A remote file becomes one on disk; `segments` is its path below the target. */
export type FetchStep = {
  kind: 'fetch'
  name: string
  segments: readonly string[]
  sizeBytes: number
  why: MoveReason
  remote: RemoteFile
}

/** The content is the same; only what is kept beside it is written. */
export type SetStep = {
  kind: 'set'
  name: string
  sizeBytes: number
  why: 'properties'
  to: { side: 'remote'; write: Write } | { side: 'local'; path: string; attributes: Attributes }
}

/** A folder that is to exist without a file in it. */
export type FolderStep = {
  kind: 'folder'
  name: string
  sizeBytes: 0
  why: 'new'
  to: { side: 'remote'; write: Write } | { side: 'local'; segments: readonly string[] }
}

/** A symbolic link that is kept as a link. */
export type LinkStep = {
  kind: 'link'
  name: string
  sizeBytes: number
  why: MoveReason
  to:
    | { side: 'remote'; linkTarget: string; write: Omit<Write, 'digests'> }
    | { side: 'local'; segments: readonly string[]; remote: RemoteFile }
}

/** Nothing happens to this name. */
export type KeepStep = {
  kind: 'keep'
  name: string
  sizeBytes: number
  why: 'same' | 'exists' | 'newer'
}

/** A remote file the source does not have goes away. */
export type RemoveStep = {
  kind: 'remove'
  name: string
  sizeBytes: number
  why: 'extra' | 'asked'
  file: Pick<RemoteFile, 'kind' | 'etag'>
}

/** A file on disk the source does not have goes away. */
export type DeleteStep = {
  kind: 'delete'
  name: string
  sizeBytes: number
  why: 'extra'
  segments: readonly string[]
  fileKind: 'file' | 'folder' | 'link'
}

/** One thing a run will do. */
export type Step =
  | SendStep
  | FetchStep
  | SetStep
  | FolderStep
  | LinkStep
  | KeepStep
  | RemoveStep
  | DeleteStep

/** What a step does. */
export type StepKind = Step['kind']

/** All steps of a job, sorted by name, with what was left out on purpose. */
export type Plan<AJob extends Job = Job> = {
  job: AJob
  steps: Step[]
  /** Of the files that will be sent or fetched. */
  totalBytes: number
  skipped: Skipped
  /** What a person should know although nothing is wrong: that nothing was found, say. */
  warning?: string
}

/** A plan of these steps. */
export function toPlan<AJob extends Job>(
  job: AJob,
  steps: Step[],
  { skipped, warning }: { skipped: Skipped; warning: string | undefined },
): Plan<AJob> {
  let totalBytes = 0
  for (const { kind, sizeBytes } of steps) {
    if (kind === 'send' || kind === 'fetch') totalBytes += sizeBytes
  }
  return { job, steps, totalBytes, skipped, ...(warning !== undefined && { warning }) }
}

/** One line of a dry run: `send assets/app.js, 1234 bytes: changed`. */
export function describeStep({ kind, name, sizeBytes, why }: Step): string {
  const size = kind === 'folder' ? '' : `, ${sizeBytes} ${sizeBytes === 1 ? 'byte' : 'bytes'}`
  // A name may hold anything; a log line must stay one line.
  return `${kind} ${toPlainLine(name, 2048)}${size}: ${why}`
}
