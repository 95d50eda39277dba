// What a trial says in the end (DESIGN §5.15). One look cannot tell what is missing from what has not
// spread yet, for Entra and storage answer the same; those answers are `not_yet`, and whoever has waited
// for as long as spreading takes may call them refused (facts/federation.md §2). Pure.
import type { TrialAnswer, TrialStep } from '../trust/admin-api.ts'
import { spreadingCodes } from './attempts.ts'
import type { FaultFact } from './facts.ts'
import { toVerdict } from './to-verdict.ts'

/** One thing that a trial did, and what to do where it failed. */
export type TriedStep = TrialStep & { hint?: string }

type Outcome = TrialStep['outcome']

/** What a fault means for somebody who may wait. */
export function outcomeOf(fault: FaultFact): Exclude<Outcome, 'ok' | 'skipped'> {
  const { code } = fault
  if (spreadingCodes.has(code) || code === 'azure_storage_role_missing') return 'not_yet'
  if (code.endsWith('_unreachable')) return 'unreachable'
  const { trouble } = toVerdict(fault)
  if (trouble === 'propagating') return 'not_yet'
  if (trouble === 'blocked') return 'blocked'
  return trouble === 'flaky' ? 'unreachable' : 'refused'
}

/** The step for a fault. */
export function failedStep(step: Pick<TrialStep, 'what' | 'place'>, fault: FaultFact): TriedStep {
  const { code, sentence, hint } = fault
  return { ...step, outcome: outcomeOf(fault), code, sentence, hint }
}

const waiting =
  'A new or changed credential or role takes up to ten minutes, a new signing key up to thirty: wait and try again. If nothing was changed for so long, it is missing.'

// What no waiting mends is told first.
const worstFirst: readonly Outcome[] = ['refused', 'blocked', 'unreachable', 'not_yet']

/** The verdict on all steps: works, or the worst of what went wrong, in its own words. */
export function judgeTrial(
  steps: readonly TriedStep[],
): Pick<TrialAnswer, 'verdict' | 'sentence' | 'hint'> {
  for (const outcome of worstFirst) {
    const step = steps.find((each) => each.outcome === outcome)
    if (!step || outcome === 'ok' || outcome === 'skipped') continue
    const { sentence = '', hint = '' } = step
    return {
      verdict: outcome,
      sentence,
      hint: outcome === 'not_yet' ? `${waiting} ${hint}` : hint,
    }
  }
  return { verdict: 'works', sentence: describeSuccess(steps), hint: 'Nothing is to be done.' }
}

function describeSuccess(steps: readonly TriedStep[]): string {
  const tried = steps.filter(({ what, outcome }) => what !== 'exchange' && outcome === 'ok')
  if (tried.length === 0) {
    return 'Entra exchanged the token; the entry has no grant by which storage could be tried.'
  }
  const places = [...new Set(tried.map(({ place }) => place))].join(', ')
  const did = tried.some(({ what }) => what === 'write') ? 'let it read and write' : 'let it read'
  return `Entra exchanged the token, and storage ${did}: ${places}.`
}
