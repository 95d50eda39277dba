// A verdict, and how a Fault becomes one: its sentence, its hint, its exit code, and in one word whether
// something is expired, not everywhere yet, refused, blocked or flaky. Pure.
import { faults, type FaultCode } from '../core/fault.ts'
import type { FaultFact } from './facts.ts'

/** Why something does not work, in the one word a person acts on. */
export type Trouble =
  | 'none'
  | 'settings'
  | 'expired'
  | 'propagating'
  | 'refused'
  | 'blocked'
  | 'flaky'

/** What is wrong, why, and what to do; `ok` when nothing is. */
export type Verdict = {
  code: FaultCode | 'ok'
  trouble: Trouble
  sentence: string
  fix: string
  exitCode: number
}

const troubles: Partial<Record<FaultCode, Trouble>> = {
  plugin_setting_invalid: 'settings',
  plugin_token_empty: 'settings',
  plugin_token_malformed: 'settings',
  issuer_unreachable: 'blocked',
  issuer_pin_mismatch: 'blocked',
  issuer_answer_invalid: 'blocked',
  issuer_token_expired: 'expired',
  issuer_build_finished: 'expired',
  issuer_busy: 'flaky',
  issuer_rate_limited: 'flaky',
  ci_api_unavailable: 'flaky',
  store_unavailable: 'flaky',
  audit_unavailable: 'flaky',
  azure_entra_propagating: 'propagating',
  azure_entra_unreachable: 'blocked',
  azure_entra_throttled: 'flaky',
  azure_storage_role_propagating: 'propagating',
  azure_storage_unreachable: 'blocked',
  azure_storage_network_blocked: 'blocked',
  azure_storage_throttled: 'flaky',
  azure_storage_unavailable: 'flaky',
}

/** A fault as a verdict; what is known better goes over it. */
export function toVerdict(
  { code, sentence, hint, details }: FaultFact,
  better: Partial<Verdict> = {},
): Verdict {
  const finalCode = better.code ?? code
  return {
    code: finalCode,
    trouble: troubleOf(code, details['trouble']),
    sentence,
    fix: hint,
    exitCode: finalCode === 'ok' ? 0 : faults[finalCode].exit,
    ...better,
  }
}

function troubleOf(code: FaultCode, said: string | number | undefined): Trouble {
  const words = ['expired', 'propagating', 'refused', 'blocked', 'flaky'] as const
  return words.find((word) => word === said) ?? troubles[code] ?? 'refused'
}
