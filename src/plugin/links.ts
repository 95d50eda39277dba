// Read-only links to single blobs: whoever has one may read until it ends, so it is written to the
// output file only, and shown to nobody but a person at a terminal.
import { Fault } from '../core/fault.ts'
import type { Task } from './perform.ts'
import { toCallDeps } from './place.ts'
import type { Link, Result } from './result.ts'
import type { LinkJob } from './settings/transfer.ts'

/** Makes a link for every name; a name that nothing has ends the transfer. */
export async function makeLinks(task: Task, job: LinkJob): Promise<Result> {
  await task.tokens.get()
  const { createLink } = await import('../transfer/blob/link.ts')
  const deps = toCallDeps({ ...task, slots: task.engine.slots })
  const { lifetimeSeconds } = job
  const links: Link[] = []
  for (const name of job.names) {
    try {
      links.push(await createLink(deps, task.transfer.place.address, { name, lifetimeSeconds }))
    } catch (error) {
      throw withRole(error)
    }
  }
  return { ...task.result, files: links.length, links }
}

// A key for links is the account's to give; a role on the container is not enough.
function withRole(error: unknown): unknown {
  if (!(error instanceof Fault) || error.code !== 'azure_storage_role_missing') return error
  return new Fault(error.code, error.message, {
    hint: 'Assign the role Storage Blob Delegator on the storage account, beside a data role on the container; a new assignment takes up to ten minutes.',
    details: error.details,
    cause: error,
  })
}
