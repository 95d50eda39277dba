// What one transfer came to: the value the report, the output file and the card are made from.
import type { Secret } from '../core/secret.ts'
import type { DoneFile } from '../transfer/engine-deps.ts'
import type { Failure } from '../transfer/move/schedule.ts'
import type { Step, StepKind } from '../transfer/plan/plan.ts'
import type { Action } from './settings/row.ts'

/** A read-only link to one blob; who has it may read until it ends. */
export type Link = { name: string; url: Secret; expiresAt: Date }

/** One thing a dry run would have done, and why. */
export type PlannedStep = Pick<Step, 'kind' | 'name' | 'sizeBytes' | 'why'>

/** What a cache action came to. */
export type CacheResult = {
  outcome: 'exact' | 'partial' | 'miss' | 'saved' | 'there' | 'none'
  key: string
  /** The key that was found. */
  matched?: string
  /** The scope it lies in, ending in a slash. */
  scope?: string
  /** The same for people. */
  note: string
}

/** One transfer, as far as it came. */
export type Result = {
  /** `transfer 2`; empty when there is only one. */
  title: string
  action: Action
  /** `https://account.blob.core.windows.net/container/prefix`. */
  url: string
  /** The container or share that files were sent to; names of files are below it. */
  sentTo?: string
  /** From where to where, in words. */
  place: string
  dryRun: boolean
  durationMs: number
  /** Files that were sent or fetched, listed, removed, linked or verified. */
  files: number
  bytes: number
  /** Steps done, by kind; those of a dry run would have been. */
  counts: Partial<Record<StepKind, number>>
  failures: readonly Failure[]
  notDone: number
  done: readonly DoneFile[]
  links: readonly Link[]
  /** What a dry run would have done. */
  planned: readonly PlannedStep[]
  /** Names a verification had nothing to compare with. */
  unproven: readonly string[]
  cache?: CacheResult
}

/** The address of a sent file, which needs an identity to be read. */
export function toFileUrl(sentTo: string, name: string): string {
  const path = name.split('/').map((segment) => encodeURIComponent(segment))
  return `${sentTo}/${path.join('/')}`
}
