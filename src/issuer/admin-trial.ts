// A whole trial (DESIGN §5.15): the record, the token, the exchange and the probes, the record of what
// became of it. Only the verdict is given back.
import type { LedgerEvent } from '../audit/event.ts'
import type { TrialAnswer, TrialRequest } from '../trust/admin-api.ts'
import { mintTrialToken, type TrialToken, type TrialTokenDeps } from './trial-token.ts'

/** What was found out by showing the token to Entra, and what that bought to storage. */
export type ProbedTrial = Pick<TrialAnswer, 'verdict' | 'sentence' | 'hint' | 'steps'>

/** What a trial needs: how tokens are minted, and how one is tried. */
export type TrialDeps = TrialTokenDeps & {
  probe: (trial: TrialToken, how: { doesWrite: boolean }) => Promise<ProbedTrial>
}

/** Tries one subject for an admin; throws trust_trial_unknown, policy_* or audit_unavailable. */
export async function holdTrial(
  deps: TrialDeps,
  request: TrialRequest,
  admin: string,
): Promise<TrialAnswer> {
  const trial = await mintTrialToken(deps, request, admin)
  const { jti, subject, audience, instance } = trial
  const end = (outcome: Pick<LedgerEvent, 'decision' | 'detail' | 'reasons'>, verdict?: string) =>
    deps.ledger.append({
      ...outcome,
      type: 'trial.ended',
      rule: trial.entry.name,
      principal: { sub: subject },
      token: { kind: 'id', jti, aud: audience },
      trial: { instance, ...(verdict !== undefined && { verdict }) },
      caller: { door: 'admin', admin },
    })
  let found: ProbedTrial
  try {
    found = await deps.probe(trial, { doesWrite: request.write ?? false })
  } catch (error) {
    await end({ decision: 'info', detail: 'It ended by a defect of this service.' })
    throw error
  }
  const { verdict, sentence, hint, steps } = found
  const reasons = [...new Set(steps.flatMap(({ code }) => code ?? []))]
  const decision = verdict === 'works' ? 'allow' : 'deny'
  await end({ decision, detail: sentence, ...(reasons.length > 0 && { reasons }) }, verdict)
  return {
    jti,
    subject,
    audience,
    verdict,
    sentence,
    hint,
    steps: [{ what: 'mint', outcome: 'ok' }, ...steps],
  }
}
