// Carries out the steps of a plan, phase by phase, and counts what became of them.
import { Fault } from '../../core/fault.ts'
import type { FileEvent, DoneFile, EngineDeps, Outcome } from '../engine-deps.ts'
import type { Plan, Step, StepKind } from '../plan/plan.ts'
import { type Need, runAll } from './schedule.ts'

/** How the steps of one kind of job are done. */
export type Doer = {
  needOf: (step: Step) => Need
  /** Does the step; the file it moved, `kept` when somebody else was first, or nothing. */
  perform: (step: Step) => Promise<DoneFile | 'kept' | undefined>
}

/** An outcome without anything in it. */
export function emptyOutcome(): Outcome {
  const counts = { send: 0, fetch: 0, set: 0, folder: 0, link: 0, keep: 0, remove: 0, delete: 0 }
  return { counts, bytes: 0, failures: [], notDone: 0, done: [] }
}

/** Runs the phases one after the other; after a failure the following ones are not begun. */
export async function runPhases(
  deps: EngineDeps,
  { steps }: Plan,
  phases: readonly (readonly Step[])[],
  doer: Doer,
): Promise<Outcome> {
  const outcome = emptyOutcome()
  for (const step of steps) if (step.kind === 'keep') tell(deps, outcome, 'keep', step)
  for (const phase of phases) {
    if (outcome.failures.length > 0 || deps.halt.stopping.aborted) {
      outcome.notDone += phase.length
      continue
    }
    const { failures, notDone } = await runAll(deps, phase, {
      nameOf: ({ name }) => name,
      needOf: doer.needOf,
      transfer: async (step) => {
        const done = await doer.perform(step)
        if (done === 'kept') return tell(deps, outcome, 'keep', step)
        if (done !== undefined) {
          outcome.bytes += done.sizeBytes
          outcome.done.push(done)
        }
        tell(deps, outcome, step.kind, step)
      },
    })
    outcome.failures.push(...failures)
    outcome.notDone += notDone
  }
  return outcome
}

function tell(
  { onFile }: EngineDeps,
  outcome: Outcome,
  kind: StepKind,
  { name, sizeBytes }: Omit<FileEvent, 'kind'>,
): void {
  outcome.counts[kind] += 1
  onFile?.({ kind, name, sizeBytes })
}

/** `kept` when the work ended because the name exists, which is what `never` asks for. */
export function keepIfExists<T>(isNever: boolean, work: () => Promise<T>): Promise<T | 'kept'> {
  if (!isNever) return work()
  return work().catch((error: unknown) => {
    if (error instanceof Fault && error.code === 'transfer_target_exists') return 'kept'
    throw error
  })
}
