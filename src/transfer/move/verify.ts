// Compares what is stored with its own sums: by reading it, or with the files on disk that should be
// the same. Every difference is named, and none ends the check.
import { lstatSync } from 'node:fs'

import { Fault } from '../../core/fault.ts'
import { type EngineDeps, type MoveDeps, rangeBytes, streamCostBytes } from '../engine-deps.ts'
import type { VerifyJob } from '../job.ts'
import { toSafeSegments } from '../local/paths.ts'
import { chooseDigest } from '../plan/compare.ts'
import type { RemoteFile } from '../remote.ts'
import { nameFiles } from '../select/naming.ts'
import { findRemote } from '../select/remote-find.ts'
import { joinName, requireFiles } from '../select/select.ts'
import { createBufferPool } from './buffers.ts'
import { digestFile } from './checksum.ts'
import { type Failure, runAll } from './schedule.ts'
import { sumRemote } from './verify-read.ts'

/** What a check came to. */
export type VerifyOutcome = {
  /** Contents that agree with their sum. */
  checked: number
  bytes: number
  /** Names that no sum is kept with, so there was nothing to compare. */
  unproven: string[]
  /** What differs, with `transfer_checksum_mismatch`, and what could not be read. */
  failures: Failure[]
  /** Files that were not looked at because the place could not be read any more. */
  notDone: number
}

type Wanted = { remote: RemoteFile; path: string | undefined }
type Verdict = 'same' | 'unproven' | Fault

const keepBytes = 8 * 1024 * 1024

/** Checks everything a job means; with a folder as `naming.target` against the files in it. */
export async function verifyJob(deps: EngineDeps, job: VerifyJob): Promise<VerifyOutcome> {
  const { found, skipped } = await findRemote(deps.remote, job.select)
  requireFiles(found.length, job.select, skipped)
  const { target } = job.naming
  const wanted = nameFiles(found, { ...job.naming, target: '' })
    .filter(({ file }) => file.kind === 'file')
    .map(({ file, name }): Wanted => {
      const path = target === '' ? undefined : joinName(target, toSafeSegments(name).join('/'))
      return { remote: file, path }
    })
  const outcome: VerifyOutcome = { checked: 0, bytes: 0, unproven: [], failures: [], notDone: 0 }
  const moveDeps: MoveDeps = { ...deps, pool: createBufferPool(keepBytes) }
  const result = await runAll(deps, wanted, {
    nameOf: ({ remote }) => remote.name,
    needOf: ({ remote: { sizeBytes } }) =>
      sizeBytes > rangeBytes
        ? { parts: Math.ceil(sizeBytes / rangeBytes) }
        : { memoryBytes: streamCostBytes, wireBytes: sizeBytes },
    transfer: async ({ remote, path }) => {
      // A share's listing does not tell the sums that are kept.
      const state = deps.remote.kind === 'files' ? await deps.remote.stat(remote.name) : remote
      note(outcome, remote, state ? await check(moveDeps, state, path) : gone(remote))
    },
  })
  outcome.failures.push(...result.failures)
  outcome.notDone = result.notDone
  return outcome
}

function note(outcome: VerifyOutcome, { name, sizeBytes }: RemoteFile, verdict: Verdict): void {
  if (verdict === 'unproven') outcome.unproven.push(name)
  else if (verdict === 'same') {
    outcome.checked += 1
    outcome.bytes += sizeBytes
  } else outcome.failures.push({ name, fault: verdict })
}

function check(deps: MoveDeps, remote: RemoteFile, path: string | undefined): Promise<Verdict> {
  return path === undefined ? checkItself(deps, remote) : checkLocal(deps, remote, path)
}

async function checkItself(deps: MoveDeps, remote: RemoteFile): Promise<Verdict> {
  const digest = chooseDigest(remote, { isUnpacked: false })
  if (digest === undefined) return 'unproven'
  const read = await sumRemote(deps, remote, digest.kind)
  return read === digest.kept ? 'same' : differs(remote.name, 'its content', read, digest.kept)
}

async function checkLocal(deps: MoveDeps, remote: RemoteFile, path: string): Promise<Verdict> {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there?.isFile()) return mismatch(`“${path}” is not there, and “${remote.name}” is.`)
  // A file that was compressed on the way lies unpacked on disk, or as it is stored.
  const isUnpacked = remote.digests.sourceCrc64 !== undefined && there.size !== remote.sizeBytes
  if (!isUnpacked && there.size !== remote.sizeBytes) {
    return mismatch(
      `“${path}” has ${there.size} bytes, and “${remote.name}” has ${remote.sizeBytes}.`,
    )
  }
  const kept = chooseDigest(remote, { isUnpacked })
  const kind = kept?.kind ?? 'crc64'
  const local = await digestFile(deps.pool, { path, sizeBytes: there.size }, kind)
  const stored = kept?.kept ?? (await sumRemote(deps, remote, 'crc64'))
  return local === stored ? 'same' : differs(remote.name, `“${path}”`, local, stored)
}

function gone({ name }: RemoteFile): Fault {
  return new Fault('transfer_blob_absent', `“${name}” was removed after it was listed.`)
}

function differs(name: string, what: string, found: string, kept: string): Fault {
  return mismatch(`“${name}”: ${what} has the sum ${found}, and ${kept} is kept with it.`)
}

function mismatch(sentence: string): Fault {
  return new Fault('transfer_checksum_mismatch', sentence)
}
