// The engine as the plugin and the command line see it: a plan is made with at most one listing of the
// target and moves nothing; running it does what the plan says.
import type { EngineDeps, MoveDeps, Outcome } from './engine-deps.ts'
import type { DownloadJob, RemoveJob, UploadJob } from './job.ts'
import { restoreAttributes } from './local/attributes.ts'
import { openFolder } from './local/write.ts'
import { createBufferPool } from './move/buffers.ts'
import { fetchLink } from './move/download-link.ts'
import { fetchFile, type FetchDeps, needOfFetch } from './move/download.ts'
import { needOfCall, removeRemote } from './move/remove.ts'
import { type Doer, keepIfExists, runPhases } from './move/run.ts'
import { needOfSend, type SendDeps, sendFile, sendLink } from './move/upload.ts'
import { toPhases } from './plan/order.ts'
import { planDownload } from './plan/plan-download.ts'
import { planRemove } from './plan/plan-remove.ts'
import { planUpload } from './plan/plan-upload.ts'
import type { Plan, Step } from './plan/plan.ts'

/** What runs need and give. */
export type { DoneFile, EngineDeps, FileEvent, Outcome } from './engine-deps.ts'
export { describeStep, type Plan, type Step, type StepKind } from './plan/plan.ts'
export { listJob } from './move/list.ts'
export { verifyJob, type VerifyOutcome } from './move/verify.ts'

// Unused buffers that are kept for the next file; what is in use is counted by the slots.
const keepBytes = 32 * 1024 * 1024

/** Finds, names and compares; throws for nothing to do, clashes, unsafe names and too many removals. */
export function planJob(deps: EngineDeps, job: UploadJob | DownloadJob | RemoveJob): Promise<Plan> {
  const planDeps = toMoveDeps(deps)
  if (job.action === 'upload') return planUpload(planDeps, job)
  return job.action === 'download' ? planDownload(planDeps, job) : planRemove(deps, job)
}

/** Does what the plan says; files that fail are named in the outcome, and a defect is thrown. */
export async function runPlan(deps: EngineDeps, plan: Plan): Promise<Outcome> {
  const { job, steps } = plan
  const site = job.action === 'upload' && job.site
  return runPhases(deps, plan, toPhases(steps, { site }), openDoer(toMoveDeps(deps), plan))
}

function toMoveDeps(deps: EngineDeps): MoveDeps {
  return { ...deps, pool: createBufferPool(keepBytes) }
}

function openDoer(deps: MoveDeps, { job }: Plan): Doer {
  switch (job.action) {
    case 'upload':
      return openUpload({ ...deps, job })
    case 'download':
      return openDownload({
        ...deps,
        job,
        folder: openFolder(deps, job.naming.target, {
          replaces: job.overwrite !== 'never' && job.overwrite !== 'error',
        }),
      })
    default:
      return { needOf: () => needOfCall, perform: (step) => performCommon(deps, step) }
  }
}

function openUpload(deps: SendDeps): Doer {
  const isNever = deps.job.overwrite === 'never'
  return {
    needOf: (step) => (step.kind === 'send' ? needOfSend(deps, step) : needOfCall),
    perform: (step) => {
      if (step.kind === 'send') return keepIfExists(isNever, () => sendFile(deps, step))
      if (step.kind !== 'link' || step.to.side !== 'remote') return performCommon(deps, step)
      const { name, to } = step
      return keepIfExists(isNever, () => sendLink(deps, name, to))
    },
  }
}

function openDownload(deps: FetchDeps): Doer {
  const isNever = deps.job.overwrite === 'never'
  return {
    needOf: (step) => (step.kind === 'fetch' ? needOfFetch(step) : needOfCall),
    perform: (step) => {
      if (step.kind === 'fetch') return keepIfExists(isNever, () => fetchFile(deps, step))
      if (step.kind === 'link' && step.to.side === 'local') {
        const { segments, remote } = step.to
        return keepIfExists(isNever, () => fetchLink(deps, segments, remote))
      }
      return performLocal(deps, step)
    },
  }
}

async function performLocal(deps: FetchDeps, step: Step): Promise<undefined> {
  if (step.kind === 'folder' && step.to.side === 'local') deps.folder.makeFolder(step.to.segments)
  else if (step.kind === 'delete') deps.folder.remove(step.segments, step.fileKind)
  else if (step.kind === 'set' && step.to.side === 'local') {
    restoreAttributes(step.to.path, step.to.attributes)
  } else throw new Error(`a download has no step ${step.kind}`)
}

async function performCommon(deps: EngineDeps, step: Step): Promise<undefined> {
  const { name } = step
  if (step.kind === 'remove') await removeRemote(deps, step)
  else if (step.kind === 'set' && step.to.side === 'remote') {
    await deps.remote.setProperties(name, step.to.write)
  } else if (step.kind === 'folder' && step.to.side === 'remote') {
    await deps.remote.putFolder(name, step.to.write)
  } else throw new Error(`an upload has no step ${step.kind}`)
}
