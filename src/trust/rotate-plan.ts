// What a rename does to federated credentials: which repositories have room now and which wait, what each
// run adds and removes, and the subjects to try in between. Pure. Nothing is ever removed to make room:
// builds come under the old name until the rename, and under the new one from then on.
import type { Policy } from '../policy/schema.ts'
import type { ActualState } from './actual.ts'
import type { TrialRequest } from './admin-api.ts'
import { findKnown } from './apply.ts'
import { listTrials } from './await-trials.ts'
import type { Change, PlanNote } from './change.ts'
import { credentialLimit } from './counts.ts'
import { toDesired, type DesiredState } from './desired.ts'
import { isSame } from './plan-part.ts'
import { planTrust } from './plan.ts'
import { addNew, dropNew, dropOld, isStarted, type Rename } from './rotate-subjects.ts'

/** The policy as the file has it, the issuer URL, and what is in Azure. */
export type RotationInput = { policy: Policy; issuerUrl: string; actual: ActualState }

/** Federated credentials of one identity, before, between and after the two runs. */
export type CredentialCount = { identity: string; now: number; between: number; after: number }

/** Which repositories are renamed now, and which when; `impossible` ones have no room even alone. */
export type Batches = { taken: Rename[]; waiting: Rename[][]; impossible: Impossible[] }

/** A rename that needs more credentials than an identity can have beside those it has. */
export type Impossible = { rename: Rename; identity: string; present: number; needed: number }

/** One run's part: changes of credentials, and what stands in the way of them. */
export type RotationStep = { changes: CredentialChange[]; notes: PlanNote[] }

/** A change of a federated credential. */
export type CredentialChange = Extract<Change, { kind: 'credential' }>

/** Splits renames into batches that keep every identity within Entra's limit, begun ones first. */
export function batchRenames(input: RotationInput, renames: readonly Rename[]): Batches {
  const { policy } = input
  const begun = renames.filter((each) => isStarted(policy, each))
  const open = renames.filter((each) => !begun.includes(each))
  const settled = settledBy(input, begun)
  const later = { ...input, policy: dropNew(policy, begun) }
  const impossible = open.flatMap((rename) => {
    const over = overflow(settled, neededBy(later, rename, settled))
    return over ? [{ rename, ...over }] : []
  })
  const possible = open.filter((each) => !impossible.some(({ rename }) => rename === each))
  const first = fill(input, possible, usedBy(input, policy))
  const waiting: Rename[][] = []
  // Once a batch is finished the counts are what they were before it.
  for (let { rest } = first; rest.length > 0;) {
    const next = fill(later, rest, settled)
    waiting.push(next.taken)
    rest = next.rest
  }
  return { taken: [...begun, ...first.taken], waiting, impossible }
}

/** What the first run adds to Azure for these renames. */
export function planFirstRun(input: RotationInput, taken: readonly Rename[]): RotationStep {
  const target = addNew(input.policy, taken)
  const { changes, notes } = difference(input, { from: dropNew(target, taken), to: target })
  return { changes: changes.filter(({ action }) => action !== 'remove'), notes }
}

/** What the second run takes out of Azure for these renames, whose new names the policy has. */
export function planSecondRun(input: RotationInput, taken: readonly Rename[]): RotationStep {
  return difference(input, { from: input.policy, to: dropOld(input.policy, taken) })
}

/** The trials of the subjects that come in with the new names, in this tenant. */
export function listNewTrials(
  { policy, actual: { tenantId } }: RotationInput,
  taken: readonly Rename[],
): TrialRequest[] {
  const target = addNew(policy, taken)
  const before = new Set(
    listTrials(dropNew(target, taken), tenantId).map((each) => JSON.stringify(each)),
  )
  return listTrials(target, tenantId).filter((each) => !before.has(JSON.stringify(each)))
}

/** Entries with one of the repositories whose subjects carry no slug, by name. */
export function listSlugless(policy: Policy, taken: readonly Rename[]): string[] {
  return [...policy.entries.values()]
    .filter(
      ({ subjectForm, subjects }) =>
        subjectForm !== 'repository' &&
        subjects.some(({ instance, repository }) =>
          taken.some((each) => each.instance === instance && each.from === repository),
        ),
    )
    .map(({ name }) => name)
}

/** Credentials of each identity that the renames touch: now, with both names, with the new one alone. */
export function countCredentials(
  input: RotationInput,
  taken: readonly Rename[],
): CredentialCount[] {
  const { issuerUrl } = input
  const both = addNew(input.policy, taken)
  const now = presentIn(input, desiredOf(both, issuerUrl))
  const old = keysOf(desiredOf(dropNew(both, taken), issuerUrl))
  const next = keysOf(desiredOf(dropOld(both, taken), issuerUrl))
  const between = usedBy(input, both)
  return [...between].flatMap(([identity, keys]) => {
    const [before, later] = [old.get(identity) ?? new Set(), next.get(identity) ?? new Set()]
    const leaving = before.difference(later)
    if (leaving.size === 0 && later.difference(before).size === 0) return []
    const after = keys.difference(leaving).size
    return [{ identity, now: now.get(identity)?.size ?? 0, between: keys.size, after }]
  })
}

type Keys = Map<string, Set<string>>

function desiredOf(policy: Policy, issuerUrl: string): DesiredState {
  return toDesired({ policy, issuerUrl }).desired
}

function keysOf({ identities }: DesiredState): Keys {
  return new Map(
    identities.map(({ name, credentials }) => [
      name,
      new Set(credentials.map(({ issuer, subject }) => credentialKey(issuer, subject))),
    ]),
  )
}

function presentIn({ actual }: RotationInput, desired: DesiredState): Keys {
  const known = findKnown(desired, actual)
  return new Map(
    desired.identities.map(({ name }) => {
      const clientId = known.get(name)?.clientId
      const present = actual.credentials.filter((each) => isSame(each.clientId, clientId))
      // An expression has no subject; it takes up room all the same.
      const keys = present.map(({ issuer, subject, id }) => credentialKey(issuer, subject ?? id))
      return [name, new Set(keys)]
    }),
  )
}

// What is there, and what the policy asks for and `trust apply` will add one day.
function usedBy(input: RotationInput, policy: Policy): Keys {
  const desired = desiredOf(policy, input.issuerUrl)
  const present = presentIn(input, desired)
  return new Map(
    [...keysOf(desired)].map(([name, keys]) => [name, keys.union(present.get(name) ?? new Set())]),
  )
}

// As it will be once what has begun is finished: the old name gives way to the new one, and the counts
// are what they were before.
function settledBy(input: RotationInput, begun: readonly Rename[]): Keys {
  const { policy, issuerUrl } = input
  const both = keysOf(desiredOf(policy, issuerUrl))
  const before = keysOf(desiredOf(dropNew(policy, begun), issuerUrl))
  return new Map(
    [...usedBy(input, policy)].map(([name, keys]) => {
      const added = (both.get(name) ?? new Set()).difference(before.get(name) ?? new Set())
      return [name, keys.difference(added)]
    }),
  )
}

function neededBy(
  { policy, issuerUrl }: RotationInput,
  rename: Rename,
  used: Keys,
): ReadonlyMap<string, Set<string>> {
  const target = keysOf(desiredOf(addNew(policy, [rename]), issuerUrl))
  return new Map(
    [...target].map(([name, keys]) => [name, keys.difference(used.get(name) ?? new Set())]),
  )
}

function overflow(
  used: Keys,
  needed: ReadonlyMap<string, Set<string>>,
): { identity: string; present: number; needed: number } | undefined {
  for (const [identity, { size }] of needed) {
    const present = used.get(identity)?.size ?? 0
    if (size > 0 && present + size > credentialLimit) return { identity, present, needed: size }
  }
  return undefined
}

function fill(
  input: RotationInput,
  renames: readonly Rename[],
  used: Keys,
): { taken: Rename[]; rest: Rename[] } {
  const room = new Map([...used].map(([name, keys]) => [name, new Set(keys)]))
  const taken: Rename[] = []
  for (const rename of renames) {
    const needed = neededBy(input, rename, room)
    if (overflow(room, needed)) continue
    taken.push(rename)
    for (const [name, keys] of needed) room.set(name, (room.get(name) ?? new Set()).union(keys))
  }
  return { taken, rest: renames.filter((each) => !taken.includes(each)) }
}

// What one policy asks for over another: whatever else differs in Azure is `trust apply`'s.
function difference(
  { issuerUrl, actual }: RotationInput,
  { from, to }: { from: Policy; to: Policy },
): RotationStep {
  const [before, after] = [from, to].map((policy) =>
    planTrust(desiredOf(policy, issuerUrl), actual),
  )
  const seen = new Set(
    [...(before?.changes ?? []), ...(before?.notes ?? [])].map((each) => JSON.stringify(each)),
  )
  const isNew = (each: unknown) => !seen.has(JSON.stringify(each))
  return {
    changes: (after?.changes ?? []).filter(
      (each): each is CredentialChange => each.kind === 'credential' && isNew(each),
    ),
    notes: (after?.notes ?? []).filter((each) => each.isBlocking && isNew(each)),
  }
}

function credentialKey(issuer: string, subject: string): string {
  return `${issuer} ${subject}`
}
