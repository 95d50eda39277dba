// The transfers that only look: a listing, and a comparison of files with their own digests.
import { Fault } from '../core/fault.ts'
import { listJob, verifyJob } from '../transfer/engine.ts'
import type { ListJob, VerifyJob } from '../transfer/job.ts'
import type { RemoteFile } from '../transfer/remote.ts'
import type { Task } from './perform.ts'
import { startProgress } from './progress.ts'
import { showCount, showNumber } from './report.ts'
import type { Result } from './result.ts'

const maxNames = 20

/** Prints what is there, page by page. */
export async function list(task: Task, job: ListJob): Promise<Result> {
  await task.tokens.get()
  const result = { ...task.result }
  const show = task.onListed ?? ((file: RemoteFile) => task.print(listLine(file)))
  for await (const page of listJob(task.engine, job)) {
    for (const file of page) {
      show(file)
      result.files += 1
      result.bytes += file.sizeBytes
    }
  }
  return result
}

/** `2026-11-23T17:37:47Z      52,300,000  builds/7/app.js`. */
export function listLine({ name, kind, sizeBytes, modifiedAtMs, attributes }: RemoteFile): string {
  const at = new Date(modifiedAtMs).toISOString().replace(/\.\d+/, '')
  const size = kind === 'folder' ? '-' : showNumber(sizeBytes)
  const { linkTarget } = attributes
  const shown = kind === 'folder' && !name.endsWith('/') ? `${name}/` : name
  const arrow = linkTarget === undefined ? '' : ` -> ${linkTarget}`
  return `${at}  ${size.padStart(17)}  ${shown}${arrow}`
}

/** Compares what is there with what was kept beside it, or with files on disk. */
export async function verify(task: Task, job: VerifyJob): Promise<Result> {
  const { tokens, engine, settings, log } = task
  await tokens.get()
  const progress = startProgress(task, undefined, settings.progress)
  try {
    const outcome = await verifyJob({ ...engine, onBytes: progress.addBytes }, job)
    const { checked, unproven, ...rest } = outcome
    if (checked === 0 && rest.failures.length === 0 && unproven.length > 0)
      throw nothingProven(unproven)
    for (const line of unprovenLines({ unproven })) log(line)
    return { ...task.result, ...rest, files: checked, unproven }
  } finally {
    progress.close()
  }
}

function unprovenLines({ unproven }: Pick<Result, 'unproven'>): string[] {
  if (unproven.length === 0) return []
  const shown = unproven.slice(0, maxNames)
  const more = unproven.length - shown.length
  const rest = more > 0 ? `, and ${showNumber(more)} more` : ''
  return [
    `no digest is kept with ${showCount(unproven.length, 'file')}: ${shown.join(', ')}${rest}`,
  ]
}

// A green step that proved nothing helps nobody.
function nothingProven(unproven: readonly string[]): Fault {
  return new Fault(
    'transfer_no_files',
    `Nothing could be verified: no digest is kept with ${showCount(unproven.length, 'file')}, such as “${unproven[0]}”.`,
    {
      hint: 'Uploads by this plugin keep one; other files can be compared with a folder, the `target`.',
    },
  )
}
