// Which cloud an identity lives in, and whether an entry asks for the audience Entra wants there
// (facts/federation.md §1.1).
import { clouds, type CloudName } from '../azure/clouds.ts'
import type { Policy, PolicyEntry } from '../policy/schema.ts'
import { findingAt, type Path, type TrustFinding } from './finding.ts'

/** An entry and its place in the file. */
export type PlacedEntry = { entry: PolicyEntry; index: number }

/** The cloud of the entries' one identity, and a finding when they do not agree on it. */
export function findCloud(
  { accounts }: Pick<Policy, 'accounts'>,
  entries: readonly PlacedEntry[],
): { cloud: CloudName; findings: TrustFinding[] } {
  const named = new Map<CloudName, Path>()
  for (const { entry, index } of entries) {
    for (const [at, grant] of entry.grants.entries()) {
      const cloud = accounts?.get(grant.account)?.cloud
      if (cloud && !named.has(cloud)) named.set(cloud, ['policies', index, 'grants', at, 'account'])
    }
  }
  const [first, second] = [...named]
  if (!first) return { cloud: cloudOfAudiences(entries) ?? 'public', findings: [] }
  if (!second) return { cloud: first[0], findings: [] }
  const message = `The identity "${entries[0]?.entry.identity.name}" has grants in ${[...named.keys()].join(' and ')}.`
  return { cloud: first[0], findings: [findingAt('trust_clouds_mixed', second[1], message)] }
}

function cloudOfAudiences(entries: readonly PlacedEntry[]): CloudName | undefined {
  const audiences = new Set(entries.flatMap(({ entry }) => entry.audiences))
  return cloudNames.find((name) => audiences.has(clouds[name].federationAudience))
}

const cloudNames = Object.keys(clouds).filter((name): name is CloudName => name in clouds)

/** Whether tokens of the entry can be exchanged in this cloud, and findings when they should but cannot. */
export function checkEntryAudience(
  { entry, index }: PlacedEntry,
  cloud: CloudName,
): { isFederated: boolean; findings: TrustFinding[] } {
  const wanted = clouds[cloud].federationAudience
  const findings = entry.audiences.flatMap((audience, at) => {
    const near = nearAudience(audience)
    if (near === undefined) return []
    const path = ['policies', index, 'audiences', at]
    return [
      findingAt(
        'trust_audience_spelling',
        path,
        `${audience} is not ${near}: every letter counts.`,
      ),
    ]
  })
  if (entry.audiences.includes(wanted)) return { isFederated: true, findings }
  const others = entry.audiences.filter((each) => isAzureAudience(each))
  // An entry for other clouds alone (AWS, say) needs no credential in Entra.
  if (findings.length === 0 && (others.length > 0 || entry.grants.length > 0)) {
    const message = `The identity "${entry.identity.name}" is in the cloud ${cloud}, where Entra wants ${wanted}, not ${entry.audiences.join(', ')}.`
    findings.push(findingAt('trust_audience_cloud', ['policies', index, 'audiences'], message))
  }
  return { isFederated: false, findings }
}

function isAzureAudience(audience: string): boolean {
  return cloudNames.some((name) => clouds[name].federationAudience === audience)
}

function nearAudience(audience: string): string | undefined {
  if (isAzureAudience(audience)) return undefined
  const plain = (text: string) => text.trim().replace(/\/+$/, '').toLowerCase()
  const near = cloudNames.find((name) => plain(clouds[name].federationAudience) === plain(audience))
  return near && clouds[near].federationAudience
}
