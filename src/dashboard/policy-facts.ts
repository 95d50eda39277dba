// What follows from the policy in force, worked out once for each policy and not for each page. Entries
// concern each other only where they lead to one identity in Azure, so all of it is done group by group:
// thousands of entries take no longer than they must.
import { lint, type LintReport } from '../policy/lint.ts'
import { keyOfIdentity, type Place } from '../policy/place.ts'
import type { Policy, PolicyEntry } from '../policy/schema.ts'
import { findWhoCan, type Way } from '../policy/who-can.ts'

/** The policy and what follows from it. */
export type PolicyFacts = {
  policy: Policy
  report: LintReport
  findingsOf: (entry: string) => LintReport['findings']
  /** Entries that lead to this identity in Azure. */
  entriesOf: (tenant: string, clientId: string) => readonly PolicyEntry[]
  /** The policy as far as it concerns an entry: those that share its identity. */
  groupOf: (entry: PolicyEntry) => Policy
  /** Who can reach a place. */
  waysTo: (place: Place) => Way[]
}

/** Facts of the policy in force, which may be another at every call. */
export function createPolicyFacts(policy: () => Policy): () => PolicyFacts {
  let known: PolicyFacts | undefined
  return () => {
    const current = policy()
    if (known?.policy !== current) known = workOut(current)
    return known
  }
}

function workOut(policy: Policy): PolicyFacts {
  const groups = new Map(
    [...Map.groupBy(policy.entries.values(), keyOfIdentity)].map(
      ([key, entries]): [string, Policy] => [
        key,
        { entries: new Map(entries.map((entry) => [entry.name, entry])) },
      ],
    ),
  )
  const all = [...groups.values()]
  const reports = all.map((group) => lint(group))
  const report = {
    findings: reports.flatMap(({ findings }) => findings),
    grants: reports.flatMap(({ grants }) => grants),
  }
  const findings = Map.groupBy(report.findings, ({ entry }) => entry)
  return {
    policy,
    report,
    findingsOf: (entry) => findings.get(entry) ?? [],
    entriesOf: (tenant, clientId) => [
      ...(groups.get(`${tenant}/${clientId}`.toLowerCase())?.entries.values() ?? []),
    ],
    groupOf: (entry) => groups.get(keyOfIdentity(entry)) ?? policy,
    waysTo: (place) =>
      all
        .filter((group) => hasGrantAt(group, place))
        .flatMap((group) => findWhoCan(group, place).ways),
  }
}

function hasGrantAt({ entries }: Policy, { account, container }: Place): boolean {
  return [...entries.values()].some(({ grants }) =>
    grants.some((grant) => grant.account === account && grant.container === container),
  )
}
