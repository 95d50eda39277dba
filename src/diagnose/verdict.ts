// From facts to the one verdict: the chain is read in the order in which a build goes along it, and the
// first link that is broken is the cause (facts/federation.md §2 and §2.1; peers.md §3 rows 1-6). Pure.
import type { Facts } from './facts.ts'
import { toVerdict, type Verdict } from './to-verdict.ts'
import { judgeExchanges } from './verdict-entra.ts'
import { judgeAccess, judgeReads, judgeWrites } from './verdict-storage.ts'

type Rule = { link: string; judge: (facts: Facts) => Verdict | undefined }

const rules: readonly Rule[] = [
  { link: 'settings', judge: ({ settings }) => settings && toVerdict(settings) },
  { link: 'request token', judge: ({ token }) => token.fault && toVerdict(token.fault) },
  { link: 'ID token', judge: ({ idToken }) => idToken?.fault && toVerdict(idToken.fault) },
  { link: 'exchange', judge: judgeExchanges },
  { link: 'access token', judge: judgeAccess },
  { link: 'account', judge: ({ account }) => account?.fault && toVerdict(account.fault) },
  { link: 'read', judge: judgeReads },
  { link: 'write', judge: judgeWrites },
]

/** The verdict on what was found. */
export function judge(facts: Facts): Verdict {
  for (const rule of rules) {
    const verdict = rule.judge(facts)
    if (verdict) return verdict
  }
  return fine(facts)
}

function fine({ create, account, access }: Facts): Verdict {
  const all = access !== undefined && account !== undefined
  const what = create ? 'read and write' : 'read'
  return {
    code: 'ok',
    trouble: 'none',
    sentence: all
      ? `Everything works: this build may ${what} below “${account.prefix}” of ${account.container} on ${account.host}.`
      : 'Nothing is wrong with what could be looked at.',
    fix: create
      ? 'Nothing.'
      : 'Nothing. To see whether it may write as well, run again with --write.',
    exitCode: 0,
  }
}
